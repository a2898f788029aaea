/* See commands.h. */
#include "debug/commands.h"

#include "alloc/allocate.h"
#include "alloc/free.h"
#include "debug/find.h"
#include "debug/history.h"
#include "debug/patterns.h"
#include "debug/watch.h"

#include <string.h>

enum {
    EDGE = 64,             /* bytes at either end of what leaves the quarantine */
    COPIES_MOST = 1 << 14, /* of one recording, */
    FILLS_MOST = 1 << 16,
    BYTES_MOST = 4 << 20, /* and what it copies; the others' turn is the next one */
    HEADER = 16,          /* bytes of the red zone's pattern, at the beginning of what is read back */
};

/* Bytes that are copied, and what they should be. */
struct copy {
    uint32_t node;
    enum bda_breakage_kind kind;
    VkDeviceSize start, size;       /* in the node's block */
    VkDeviceSize offset;            /* in what is read back */
    BdaHandle handle;               /* whose they are or were */
    VkDeviceAddress address, owner; /* theirs, and where that begins */
    VkDeviceSize asked;
};

/* Bytes that are filled: all of a freed range, or a live one's red zone. */
struct fill {
    uint32_t node;
    BdaHandle handle; /* 0: freed */
    VkDeviceSize start, size;
};

struct bda_ticket {
    struct bda_ticket *next;
    uint64_t number;
    size_t bytes;            /* of this */
    BdaAllocation back;      /* what is read back */
    VkDeviceSize used, size; /* of it */
    struct bda_held filled, parting;
    uint32_t copy_count, copy_most, fill_count, fill_most;
    struct copy *copies; /* behind the fills */
    struct fill fills[];
};

static struct bda_commands *commands_of(BdaAllocator allocator) {
    return &allocator->watch->commands;
}

static struct bda_mutex *lock_of(BdaAllocator allocator) {
    return &allocator->watch->quarantine.lock;
}

void bda_commands_init(struct bda_commands *commands) {
    atomic_flag_clear(&commands->recording);
}

/* Whether commands look after a range: not after a buffer of less than a word, in memory of its own. */
static bool is_reached(const struct bda_watched *watched) {
    const struct bda_block *block = watched->live.block;
    return block->mapped == NULL && block->reach != VK_NULL_HANDLE && (watched->note & BDA_NOTE_SIZE) != 0 &&
           watched->held != 0;
}

/* ---- Ranges that wait ---- */

static void append(BdaAllocator allocator, struct bda_held *held, uint32_t node) {
    bda_mutex_lock(lock_of(allocator));
    bda_held_append(allocator, held, node);
    bda_mutex_unlock(lock_of(allocator));
}

bool bda_commands_touch(BdaAllocator allocator, uint32_t node) {
    return (bda_note_read(&allocator->watch->notes, node) & (BDA_NOTE_ON_WAY | BDA_NOTE_DEVICE)) != 0;
}

bool bda_commands_hold(BdaAllocator allocator, uint32_t node) {
    struct bda_commands *commands = commands_of(allocator);
    const struct bda_watched watched = bda_watched_at(allocator, node);
    if (!is_reached(&watched) || !atomic_load_explicit(&commands->begun, memory_order_relaxed))
        return false;
    bda_hold(allocator, node);
    append(allocator, &commands->waiting, node);
    return true;
}

bool bda_commands_part(BdaAllocator allocator, uint32_t node) {
    const struct bda_watched watched = bda_watched_at(allocator, node);
    if (!is_reached(&watched) || (watched.note & BDA_NOTE_FILLED) == 0)
        return false;
    append(allocator, &commands_of(allocator)->parting, node);
    return true;
}

/* What was freed since an outstanding recording may be what that fills, as a live one's red zone. */
void bda_commands_let_go(BdaAllocator allocator, const struct bda_pool *pool, struct bda_held *due) {
    struct bda_commands *commands = commands_of(allocator);
    bda_mutex_lock(lock_of(allocator));
    bda_held_move(allocator, &commands->parting, pool, due);
    if (pool != NULL || commands->tickets == NULL)
        bda_held_move(allocator, &commands->waiting, pool, due);
    for (struct bda_ticket *ticket = commands->tickets; ticket != NULL && pool != NULL; ticket = ticket->next) {
        bda_held_move(allocator, &ticket->filled, pool, due);
        bda_held_move(allocator, &ticket->parting, pool, due);
    }
    bda_mutex_unlock(lock_of(allocator));
}

/* ---- What there is to do ---- */

/* What is done with each live range that commands look after. The lock of its pool is held. */
typedef void visitor(BdaAllocator allocator, const struct bda_watched *watched, void *context);

static void visit_block(BdaAllocator allocator, const struct bda_block *block, visitor *visit, void *context) {
    if (block->mapped != NULL || block->reach == VK_NULL_HANDLE)
        return;
    for (uint32_t index = block->region.first; index != 0; index = bda_node_next(bda_node_of(allocator, index))) {
        const struct bda_watched watched = bda_watched_at(allocator, index);
        if (bda_node_state(watched.live.node) == BDA_NODE_LIVE && is_reached(&watched))
            visit(allocator, &watched, context);
    }
}

static void visit_all(BdaAllocator allocator, visitor *visit, void *context) {
    struct bda_pool *pool = atomic_load_explicit(&allocator->newest_pool, memory_order_acquire);
    for (; pool != NULL && allocator->red_zone != 0; pool = pool->older) {
        bda_lock(&pool->lock);
        for (uint32_t i = pool->first_block; i != 0; i = bda_block_at(allocator, i)->next)
            visit_block(allocator, bda_block_at(allocator, i), visit, context);
        for (uint32_t i = pool->first_dedicated; i != 0; i = bda_block_at(allocator, i)->next)
            visit_block(allocator, bda_block_at(allocator, i), visit, context);
        bda_unlock(&pool->lock);
    }
}

static void count_one(BdaAllocator allocator, const struct bda_watched *watched, void *context) {
    (void)allocator;
    (void)watched;
    (*(uint64_t *)context)++;
}

/* How many copies and fills there may be, and bytes to read back. */
struct bounds {
    uint64_t copies, fills, bytes;
};

static struct bounds survey(BdaAllocator allocator) {
    const struct bda_commands *commands = commands_of(allocator);
    uint64_t live = 0;
    visit_all(allocator, count_one, &live);
    bda_mutex_lock(lock_of(allocator));
    uint64_t waiting = commands->waiting.count, parting = commands->parting.count;
    bda_mutex_unlock(lock_of(allocator));
    return (struct bounds){ .copies = bda_min(live + waiting + 2 * parting, COPIES_MOST),
                            .fills = bda_min(live + waiting, FILLS_MOST),
                            .bytes = bda_min((live + waiting) * allocator->red_zone + 2 * parting * EDGE, BYTES_MOST) };
}

/* ---- A ticket ---- */

static struct bda_ticket *make_ticket(BdaAllocator allocator, const struct bounds *bounds) {
    struct bda_ticket *ticket;
    size_t fills = (size_t)bounds->fills * sizeof(struct fill);
    size_t bytes = sizeof *ticket + fills + (size_t)bounds->copies * sizeof(struct copy);
    ticket = bda_host_allocate(&allocator->host, bytes, _Alignof(struct bda_ticket));
    if (ticket == NULL)
        return NULL;
    memset(ticket, 0, sizeof *ticket);
    ticket->bytes = bytes;
    ticket->copy_most = (uint32_t)bounds->copies;
    ticket->fill_most = (uint32_t)bounds->fills;
    ticket->copies = (void *)((unsigned char *)ticket->fills + fills);
    ticket->used = HEADER;
    ticket->size = HEADER + bounds->bytes;
    return ticket;
}

static struct bda_backing *backing_of(BdaAllocator allocator, const struct bda_ticket *ticket, VkDeviceSize *offset) {
    const struct bda_live live = bda_range_at(allocator, NULL, bda_handle_index(ticket->back.handle));
    *offset = live.block->memory_offset + bda_node_start(live.node);
    return &live.block->backing;
}

static VkResult sync(BdaAllocator allocator, const struct bda_ticket *ticket, enum bda_sync direction) {
    VkDeviceSize offset;
    const struct bda_backing *backing = backing_of(allocator, ticket, &offset);
    return bda_backing_sync(&allocator->device, backing, direction, offset, ticket->size);
}

static void drop_ticket(BdaAllocator allocator, struct bda_ticket *ticket) {
    if (ticket->back.handle != 0) /* nobody's pointer: in the quarantine it would only drive out what others freed */
        bda_free_unseen(allocator, ticket->back.handle);
    bda_host_release(&allocator->host, ticket, ticket->bytes);
}

/* Memory to read back, with the pattern that copies come from where fills are too coarse. */
static VkResult allocate_back(BdaAllocator allocator, struct bda_ticket *ticket) {
    struct bda_request request = { .size = ticket->size,
                                   .room = ticket->size,
                                   .alignment = BDA_LEAST_ALIGNMENT,
                                   .name = "checks",
                                   .intent = BDA_INTENT_READBACK,
                                   .priority = BDA_DEFAULT_PRIORITY,
                                   .type_bits = allocator->range_type_bits[BDA_USAGE_GENERAL] };
    uint32_t node;
    VkResult result = bda_allocate(allocator, &request, &node);
    if (result != VK_SUCCESS)
        return result;
    bda_describe(allocator, node, &ticket->back);
    memset(ticket->back.mapped, BDA_PATTERN_RED_ZONE, HEADER);
    return sync(allocator, ticket, BDA_SYNC_FLUSH);
}

static void put_ticket(BdaAllocator allocator, struct bda_ticket *ticket) {
    struct bda_commands *commands = commands_of(allocator);
    bda_mutex_lock(lock_of(allocator));
    ticket->next = commands->tickets;
    commands->tickets = ticket;
    bda_mutex_unlock(lock_of(allocator));
}

static VkResult open_ticket(BdaAllocator allocator, const struct bounds *bounds, struct bda_ticket **ticket) {
    struct bda_ticket *made = make_ticket(allocator, bounds);
    if (made == NULL)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    VkResult result = allocate_back(allocator, made);
    if (result != VK_SUCCESS) {
        drop_ticket(allocator, made);
        return result;
    }
    made->number = ++commands_of(allocator)->last_ticket; /* one records at a time */
    put_ticket(allocator, made);
    *ticket = made;
    return VK_SUCCESS;
}

/* ---- What goes into it ---- */

static bool has_space(const struct bda_ticket *ticket, uint32_t copies, VkDeviceSize bytes) {
    return ticket->copy_most - ticket->copy_count >= copies && ticket->size - ticket->used >= bytes;
}

static void add_copy(struct bda_ticket *ticket, const struct bda_watched *watched, BdaHandle handle,
                     enum bda_breakage_kind kind, VkDeviceSize start, VkDeviceSize size) {
    ticket->copies[ticket->copy_count++] = (struct copy){ .node = watched->live.index,
                                                          .kind = kind,
                                                          .start = start,
                                                          .size = size,
                                                          .offset = ticket->used,
                                                          .handle = handle,
                                                          .address = watched->live.block->region.base + start,
                                                          .owner = watched->live.block->region.base + watched->start,
                                                          .asked = watched->note & BDA_NOTE_SIZE };
    ticket->used += size;
}

/* As much of a red zone as is promised; what is rounded up to may be far more. */
static VkDeviceSize red_zone_bytes(BdaAllocator allocator, const struct bda_watched *watched) {
    return bda_min(watched->held - (watched->note & BDA_NOTE_SIZE), allocator->red_zone);
}

static void add_red_zone(BdaAllocator allocator, struct bda_ticket *ticket, const struct bda_watched *watched,
                         BdaHandle handle) {
    add_copy(ticket, watched, handle, BDA_BROKEN_BEHIND, watched->start + (watched->note & BDA_NOTE_SIZE),
             red_zone_bytes(allocator, watched));
}

/* Its generation has moved on. */
static BdaHandle handle_before(BdaAllocator allocator, const struct bda_watched *watched) {
    return bda_handle_of(allocator, watched->live.index, watched->live.node) - ((BdaHandle)1 << 32);
}

/* The quarantine's lock is held. */
static void add_parting(BdaAllocator allocator, struct bda_ticket *ticket) {
    struct bda_held *parting = &commands_of(allocator)->parting;
    while (parting->first != 0 && has_space(ticket, 2, (VkDeviceSize)2 * EDGE)) {
        uint32_t index = bda_held_pop(allocator, parting);
        const struct bda_watched w = bda_watched_at(allocator, index);
        BdaHandle handle = handle_before(allocator, &w);
        VkDeviceSize first = bda_min(w.held, EDGE), last = bda_min(w.held - first, EDGE);
        add_copy(ticket, &w, handle, BDA_BROKEN_FREED, w.start, first);
        if (last != 0)
            add_copy(ticket, &w, handle, BDA_BROKEN_FREED, w.start + w.held - last, last);
        bda_held_append(allocator, &ticket->parting, index);
    }
}

/* The same. */
static void add_waiting(BdaAllocator allocator, struct bda_ticket *ticket) {
    struct bda_held *waiting = &commands_of(allocator)->waiting;
    while (waiting->first != 0 && ticket->fill_count < ticket->fill_most && has_space(ticket, 1, allocator->red_zone)) {
        uint32_t index = bda_held_pop(allocator, waiting);
        const struct bda_watched w = bda_watched_at(allocator, index);
        if ((w.note & BDA_NOTE_DEVICE) != 0 && red_zone_bytes(allocator, &w) != 0)
            add_red_zone(allocator, ticket, &w, handle_before(allocator, &w));
        ticket->fills[ticket->fill_count++] = (struct fill){ index, 0, w.start, w.held };
        bda_held_append(allocator, &ticket->filled, index);
    }
}

/* Of those that live, new ones are filled, the others looked at by turns. */
struct round {
    struct bda_ticket *ticket;
    uint64_t number, begin, end; /* of those that are looked at */
};

static void add_live(BdaAllocator allocator, const struct bda_watched *watched, void *context) {
    struct round *round = context;
    struct bda_ticket *ticket = round->ticket;
    BdaHandle handle = bda_handle_of(allocator, watched->live.index, watched->live.node);
    VkDeviceSize asked = watched->note & BDA_NOTE_SIZE;
    if (watched->held <= asked)
        return;
    if ((watched->note & BDA_NOTE_DEVICE) != 0) {
        if (round->number++ >= round->begin && has_space(ticket, 1, allocator->red_zone)) {
            add_red_zone(allocator, ticket, watched, handle);
            round->end = round->number;
        }
    } else if ((watched->note & BDA_NOTE_ON_WAY) == 0 && ticket->fill_count < ticket->fill_most) {
        ticket->fills[ticket->fill_count++] =
            (struct fill){ watched->live.index, handle, watched->start + asked, watched->held - asked };
        bda_note_change(&allocator->watch->notes, watched->live.index, watched->note | BDA_NOTE_ON_WAY);
    }
}

static void collect(BdaAllocator allocator, struct bda_ticket *ticket) {
    struct bda_commands *commands = commands_of(allocator);
    bda_mutex_lock(lock_of(allocator));
    add_parting(allocator, ticket);
    add_waiting(allocator, ticket);
    bda_mutex_unlock(lock_of(allocator));
    struct round round = { ticket, 0, commands->looked, 0 };
    visit_all(allocator, add_live, &round);
    commands->looked = round.end < round.number ? round.end : 0;
}

/* ---- Commands ---- */

static void barrier(BdaAllocator allocator, VkCommandBuffer buffer, VkPipelineStageFlags before, VkAccessFlags written,
                    VkPipelineStageFlags after, VkAccessFlags wanted) {
    const VkMemoryBarrier memory = { .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                                     .srcAccessMask = written,
                                     .dstAccessMask = wanted };
    allocator->device.vk.cmd_pipeline_barrier(buffer, before, after, 0, 1, &memory, 0, NULL, 0, NULL);
}

static struct bda_block *block_of(BdaAllocator allocator, uint32_t node) {
    return bda_block_of(allocator, bda_node_of(allocator, node));
}

static void record_copy(BdaAllocator allocator, VkCommandBuffer buffer, const struct bda_ticket *ticket,
                        const struct copy *copy) {
    const VkBufferCopy region = { copy->start, ticket->back.offset + copy->offset, copy->size };
    allocator->device.vk.cmd_copy_buffer(buffer, block_of(allocator, copy->node)->reach, ticket->back.buffer, 1,
                                         &region);
}

/* Fills are of words; the bytes before the first whole one are copied. */
static void record_fill(BdaAllocator allocator, VkCommandBuffer buffer, const struct bda_ticket *ticket,
                        const struct fill *fill) {
    const struct bda_dispatch *vk = &allocator->device.vk;
    VkBuffer to = block_of(allocator, fill->node)->reach;
    VkDeviceSize odd = bda_min((0 - fill->start) & 3, fill->size);
    VkDeviceSize words = (fill->size - odd) & ~(VkDeviceSize)3;
    uint32_t word = 0x01010101u * (fill->handle != 0 ? BDA_PATTERN_RED_ZONE : BDA_PATTERN_FREED);
    const VkBufferCopy region = { ticket->back.offset, fill->start, odd };
    if (odd != 0)
        vk->cmd_copy_buffer(buffer, ticket->back.buffer, to, 1, &region);
    if (words != 0)
        vk->cmd_fill_buffer(buffer, to, fill->start + odd, words, word);
}

static void record(BdaAllocator allocator, VkCommandBuffer buffer, const struct bda_ticket *ticket) {
    const VkPipelineStageFlags all = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, transfer = VK_PIPELINE_STAGE_TRANSFER_BIT;
    const VkAccessFlags any = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT;
    const VkAccessFlags transfers = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
    barrier(allocator, buffer, all, any, transfer, transfers);
    for (uint32_t i = 0; i < ticket->copy_count; i++)
        record_copy(allocator, buffer, ticket, &ticket->copies[i]);
    barrier(allocator, buffer, transfer, transfers, transfer, transfers);
    for (uint32_t i = 0; i < ticket->fill_count; i++)
        record_fill(allocator, buffer, ticket, &ticket->fills[i]);
    barrier(allocator, buffer, transfer, VK_ACCESS_TRANSFER_WRITE_BIT, all | VK_PIPELINE_STAGE_HOST_BIT,
            any | VK_ACCESS_HOST_READ_BIT);
}

static VkResult record_all(BdaAllocator allocator, VkCommandBuffer buffer, uint64_t *number) {
    /* From here on what is freed waits for a recording, also where there is nothing to record yet. */
    atomic_store_explicit(&commands_of(allocator)->begun, true, memory_order_relaxed);
    const struct bounds bounds = survey(allocator);
    struct bda_ticket *ticket;
    if (bounds.copies + bounds.fills == 0)
        return VK_SUCCESS;
    VkResult result = open_ticket(allocator, &bounds, &ticket);
    if (result != VK_SUCCESS)
        return result;
    collect(allocator, ticket);
    record(allocator, buffer, ticket);
    *number = ticket->number;
    return VK_SUCCESS;
}

VkResult bda_commands_record(BdaAllocator allocator, VkCommandBuffer buffer, uint64_t *number) {
    struct bda_commands *commands = commands_of(allocator);
    if (atomic_flag_test_and_set_explicit(&commands->recording, memory_order_acquire))
        return VK_SUCCESS; /* what there is to do is somebody else's, or the next one's */
    VkResult result = record_all(allocator, buffer, number);
    atomic_flag_clear_explicit(&commands->recording, memory_order_release);
    return result;
}

/* ---- Completion ---- */

static struct bda_ticket *take_ticket(BdaAllocator allocator, uint64_t number) {
    bda_mutex_lock(lock_of(allocator));
    struct bda_ticket **at = &commands_of(allocator)->tickets;
    while (*at != NULL && (*at)->number != number)
        at = &(*at)->next;
    struct bda_ticket *ticket = *at;
    if (ticket != NULL)
        *at = ticket->next;
    bda_mutex_unlock(lock_of(allocator));
    return ticket;
}

/* As it is called now, or was. */
static void name_owner(BdaAllocator allocator, BdaHandle handle, struct bda_breakage *breakage) {
    BdaFinding finding;
    BdaPastOwner owner;
    BdaHistory history;
    (void)bda_find_all(allocator, breakage->owner, breakage->owner, 1, &finding);
    if (finding.range.handle == handle)
        memcpy(breakage->name, finding.range.name, sizeof breakage->name);
    else if (bda_history_find(allocator, breakage->owner, breakage->owner, 1, &owner, &history) != 0 &&
             owner.range.handle == handle)
        memcpy(breakage->name, owner.range.name, sizeof breakage->name);
}

/* A live allocation's red zone is in place, or is to be filled anew by the next recording. */
static void arm(BdaAllocator allocator, BdaHandle handle, uint64_t flag) {
    struct bda_live live;
    if (!bda_handle_find(allocator, handle, &live))
        return;
    bda_lock(&live.pool->lock);
    if (bda_handle_holds(allocator, handle, &live)) {
        struct bda_notes *notes = &allocator->watch->notes;
        bda_note_change(notes, live.index, (bda_note_read(notes, live.index) & BDA_NOTE_SIZE) | flag);
    }
    bda_unlock(&live.pool->lock);
}

static void compare(BdaAllocator allocator, const struct bda_ticket *ticket, const struct copy *copy) {
    const unsigned char *bytes = (const unsigned char *)ticket->back.mapped + copy->offset;
    struct bda_breakage breakage = { .kind = copy->kind, .when = "by bda_complete_checks", .size = copy->size };
    enum bda_pattern wanted = copy->kind == BDA_BROKEN_FREED ? BDA_PATTERN_FREED : BDA_PATTERN_RED_ZONE;
    if (!bda_patterns_examine(bytes, copy->size, wanted, &breakage.damage))
        return;
    breakage.address = copy->address;
    breakage.owner = copy->owner;
    breakage.owner_size = copy->asked;
    name_owner(allocator, copy->handle, &breakage);
    arm(allocator, copy->handle, 0); /* mended, it is told once */
    bda_broken_tell(allocator, &breakage);
}

/* What was freed and is still the ticket's carries its pattern. */
static void note_filled(BdaAllocator allocator, const struct bda_held *filled) {
    struct bda_notes *notes = &allocator->watch->notes;
    for (uint32_t index = filled->first; index != 0; index = bda_node_link(bda_node_of(allocator, index)))
        bda_note_change(notes, index, (bda_note_read(notes, index) & BDA_NOTE_SIZE) | BDA_NOTE_FILLED);
}

VkResult bda_commands_complete(BdaAllocator allocator, uint64_t number, struct bda_held *filled, struct bda_held *due) {
    struct bda_ticket *ticket = take_ticket(allocator, number);
    if (ticket == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    VkResult result = sync(allocator, ticket, BDA_SYNC_INVALIDATE);
    if (result != VK_SUCCESS) { /* uncompared, a broken red zone would be filled and never told of */
        put_ticket(allocator, ticket);
        return result;
    }
    for (uint32_t i = 0; i < ticket->copy_count; i++)
        compare(allocator, ticket, &ticket->copies[i]);
    for (uint32_t i = 0; i < ticket->fill_count; i++)
        if (ticket->fills[i].handle != 0)
            arm(allocator, ticket->fills[i].handle, BDA_NOTE_DEVICE);
    note_filled(allocator, &ticket->filled);
    *filled = ticket->filled;
    *due = ticket->parting;
    drop_ticket(allocator, ticket);
    return VK_SUCCESS;
}

void bda_commands_stop(BdaAllocator allocator) {
    struct bda_commands *commands = commands_of(allocator);
    for (struct bda_ticket *ticket; (ticket = commands->tickets) != NULL;) {
        bda_mutex_lock(lock_of(allocator));
        commands->tickets = ticket->next;
        bda_held_move(allocator, &ticket->filled, NULL, &commands->waiting);
        bda_held_move(allocator, &ticket->parting, NULL, &commands->waiting);
        bda_mutex_unlock(lock_of(allocator));
        drop_ticket(allocator, ticket);
    }
}
