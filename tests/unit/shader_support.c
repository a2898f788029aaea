/* See shader_support.h. */
#include "shader_support.h"

static uint32_t load(VkDeviceAddress address) {
    uint32_t word = 0;
    assert_true(fake_device_read(bench.driver, address, &word, sizeof word));
    return word;
}

static void store(VkDeviceAddress address, uint32_t word) {
    assert_true(fake_device_write(bench.driver, address, &word, sizeof word));
}

static uint32_t front(const struct shader *shader, uint32_t word) {
    return load(shader->table + 4 * (VkDeviceAddress)word);
}

static VkDeviceAddress address_of(const struct shader *shader, uint32_t piece) {
    return (VkDeviceAddress)front(shader, BDA_FRONT_HIGH) << 48 | (VkDeviceAddress)piece << 16;
}

struct shader shader_start(void) {
    struct shader shader = { .tag = 0 };
    assert_int_equal(bda_get_check_table(bench.allocator, &shader.table), VK_SUCCESS);
    assert_int_not_equal(shader.table, 0);
    return shader;
}

/* ---- The page table ---- */

int shader_look(const struct shader *shader, VkDeviceAddress address) {
    VkDeviceAddress low = address << 16 >> 16;
    uint32_t leaf = load(address_of(shader, front(shader, BDA_FRONT_TOP)) + 4 * (low >> 34));
    if (leaf <= 1)
        return leaf == 0 ? -1 : -2;
    uint32_t page = load(address_of(shader, leaf) + 4 * (low >> 20 & 0x3FFF));
    if (page <= 1)
        return page == 0 ? -1 : -2;
    unsigned char byte = 0;
    assert_true(fake_device_read(bench.driver, address_of(shader, page) + (low >> 4 & 0xFFFF), &byte, 1));
    return byte;
}

static bool is_live(const struct shader *shader, VkDeviceAddress address, int *said) {
    *said = shader_look(shader, address);
    if (*said == -2)
        return true;
    return *said > 0 && address % 16 < (VkDeviceAddress)((*said - 1) % 16 + 1);
}

/* ---- Records ---- */

static uint32_t take_number(const struct shader *shader) {
    uint32_t number = front(shader, BDA_FRONT_WRITTEN);
    store(shader->table + (VkDeviceAddress)4 * BDA_FRONT_WRITTEN, number + 1);
    return number;
}

static VkDeviceAddress slot_of(const struct shader *shader, uint32_t number) {
    return address_of(shader, front(shader, BDA_FRONT_RECORDS)) + 64 * (VkDeviceAddress)(number % BDA_RECORDS);
}

void shader_begin_record(const struct shader *shader) {
    uint32_t number = take_number(shader);
    store(slot_of(shader, number), number + 1);
}

static void record(const struct shader *shader, BdaBadAccess access) {
    uint32_t number = take_number(shader);
    if (number - front(shader, BDA_FRONT_TAKEN) >= BDA_RECORDS)
        return;
    uint32_t words[BDA_RECORD_WORDS] = {
        number + 1,
        (uint32_t)access.access,
        (uint32_t)access.reason,
        access.size,
        (uint32_t)access.address,
        (uint32_t)(access.address >> 32),
        access.bad_offset,
        shader->tag,
        shader->invocation[0],
        shader->invocation[1],
        shader->invocation[2],
        (uint32_t)access.base,
        (uint32_t)(access.base >> 32),
    };
    for (uint32_t i = 0; i < BDA_RECORD_SUM; i++)
        words[BDA_RECORD_SUM] += words[i];
    assert_true(fake_device_write(bench.driver, slot_of(shader, number), words, sizeof words));
}

/* ---- An access, byte by byte ---- */

bool shader_access(struct shader *shader, VkDeviceAddress base, VkDeviceAddress address, uint32_t bytes,
                   BdaFaultAccess access) {
    int first = 0, said = 0, from = base != 0 ? shader_look(shader, base) : 0;
    uint32_t good = 0;
    BdaBadReason reason = BDA_BAD_NULL;
    if (address >= 65536) {
        while (good < bytes && is_live(shader, address + good, &said))
            first = good++ == 0 ? said : first;
        reason = said == -1 ? BDA_BAD_NOT_OURS : said == 0 ? BDA_BAD_NOT_LIVE : BDA_BAD_PAST_END;
        reason = good != 0 ? BDA_BAD_PAST_END : reason;
    }
    uint32_t alignment = bytes == 4 || bytes == 8 || bytes == 16 ? bytes : 1;
    if (address % alignment != 0) {
        record(shader,
               (BdaBadAccess){
                   .address = address, .size = bytes, .access = access, .base = base, .reason = BDA_BAD_ALIGNMENT });
        return false;
    }
    bool strayed = good == bytes && from > 0 && first > 0 && (from - 1) / 16 != (first - 1) / 16;
    if (good == bytes && !strayed)
        return true;
    record(shader, (BdaBadAccess){ .address = address,
                                   .size = bytes,
                                   .bad_offset = strayed ? 0 : good,
                                   .access = access,
                                   .reason = strayed ? BDA_BAD_OTHER : reason,
                                   .base = base });
    return false;
}
