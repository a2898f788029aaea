/* src/core/charts.c: what is put onto a chart is read from it, in all rooms there are, and charts come again. */
#include "core_support.h"

#include "core/charts.h"

enum { MANY = 700, AREA = 1 << 16 };

static struct bda_host host;
static struct bda_charts charts;

static int open_charts(void **state) {
    (void)state;
    host = (struct bda_host){ 0 };
    bda_charts_init(&charts, &host, false);
    return 0;
}

static int close_charts(void **state) {
    (void)state;
    bda_charts_destroy(&charts);
    return host.bytes == 0 ? 0 : -1;
}

/* Where the entry with this number begins, of so many in an area, and its node. */
static uint32_t offset_of(uint32_t i, uint32_t count) {
    return 10 + i * ((AREA - 20) / count);
}

static void fill(const struct bda_chart *chart, uint32_t count) {
    bda_chart_clear(chart);
    for (uint32_t i = 0; i < count; i++)
        bda_chart_set(chart, i, offset_of(i, count), i + 1);
}

/* Not so is an offset before the first entry, and a chart that says nothing. */
static void an_entry_is_read_by_each_offset_up_to_the_next(void **state) {
    (void)state;
    for (uint32_t count = 1; count <= MANY; count++) {
        uint32_t number = bda_charts_take(&charts, count);
        assert_int_not_equal(number, 0);
        const struct bda_chart chart = bda_chart_at(&charts, number);
        assert_in_range(count, 1, chart.slots);
        assert_true(bda_chart_suits(&chart, count) && bda_chart_suits(&chart, chart.slots));
        bda_chart_clear(&chart);
        assert_int_equal(bda_chart_guess(&charts, number, AREA - 2), 0);
        fill(&chart, count);
        assert_int_equal(bda_chart_guess(&charts, number, 9), 0);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t first = offset_of(i, count), last = i + 1 < count ? offset_of(i + 1, count) - 1 : AREA - 2;
            assert_int_equal(bda_chart_guess(&charts, number, first), i + 1);
            assert_int_equal(bda_chart_guess(&charts, number, last), i + 1);
            uint32_t slot = bda_chart_up_to(&chart, last);
            assert_int_equal(bda_chart_node(&chart, slot - 1), i + 1);
            assert_int_equal(bda_chart_offset(&chart, slot - 1), first);
        }
        bda_charts_give(&charts, number);
    }
}

/* All 24 bits of them. */
static void an_entry_names_any_of_sixteen_million_nodes(void **state) {
    (void)state;
    uint32_t number = bda_charts_take(&charts, 30);
    const struct bda_chart chart = bda_chart_at(&charts, number);
    bda_chart_clear(&chart);
    for (uint32_t i = 0; i < 24; i++)
        bda_chart_set(&chart, i, offset_of(i, 30), (uint32_t)1 << i);
    bda_chart_set(&chart, 24, offset_of(24, 30), BDA_CHART_NODES - 1);
    for (uint32_t i = 0; i < 24; i++)
        assert_int_equal(bda_chart_guess(&charts, number, offset_of(i, 30)), (uint32_t)1 << i);
    assert_int_equal(bda_chart_guess(&charts, number, AREA - 2), BDA_CHART_NODES - 1);
    bda_charts_give(&charts, number);
}

/* Those of one room, by whichever number of entries they were taken; none that is out is handed out again. */
static void charts_that_were_given_back_come_again(void **state) {
    (void)state;
    static uint32_t taken[MANY];
    size_t bytes = 0;
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < MANY; i++) {
            taken[i] = bda_charts_take(&charts, i + 1);
            const struct bda_chart chart = bda_chart_at(&charts, taken[i]);
            fill(&chart, i + 1);
        }
        for (uint32_t i = 0; i < MANY; i++)
            for (uint32_t k = 0; k <= i; k += i / 5 + 1)
                assert_int_equal(bda_chart_guess(&charts, taken[i], offset_of(k, i + 1)), k + 1);
        for (uint32_t i = 0; i < MANY; i++)
            bda_charts_give(&charts, taken[(i * 37 + round) % MANY]); /* 37 and 700 have no factor in common */
        assert_true(round == 0 || host.bytes == bytes);
        bytes = host.bytes;
    }
}

/* Whoever still reads a chart that nobody has any more is led to no node that there never was. */
static void a_spare_chart_names_no_node_that_was_not_on_it(void **state) {
    (void)state;
    for (uint32_t count = 1; count <= 30; count++) {
        uint32_t first = bda_charts_take(&charts, count), second = bda_charts_take(&charts, count);
        const struct bda_chart a = bda_chart_at(&charts, first), b = bda_chart_at(&charts, second);
        fill(&a, count);
        fill(&b, count);
        bda_charts_give(&charts, first);
        bda_charts_give(&charts, second);
        for (uint32_t offset = 0; offset < AREA; offset += 13)
            assert_in_range(bda_chart_guess(&charts, second, offset), 0, count);
    }
}

/* In whatever order they come: each is read as long as it was accepted, and a refusal changes nothing. */
static void entries_are_added_where_there_is_space(void **state) {
    (void)state;
    for (uint32_t count = 3; count <= 60; count += 3) {
        uint32_t number = bda_charts_take(&charts, count), order[60] = { 0 }, refused = 0;
        const struct bda_chart chart = bda_chart_at(&charts, number);
        uint64_t seed = count;
        bool is_there[60] = { false };
        bda_chart_clear(&chart);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t other = random_below(&seed, i + 1);
            order[i] = order[other];
            order[other] = i;
        }
        for (uint32_t i = 0; i < count; i++) {
            uint32_t offset = offset_of(order[i], count), slot = bda_chart_up_to(&chart, offset);
            is_there[order[i]] = bda_chart_insert(&chart, slot, offset, order[i] + 1);
            refused += !is_there[order[i]];
        }
        assert_true(refused < count && (chart.front != NULL || refused == 0));
        for (uint32_t i = 0, last = 0; i < count; i++) {
            last = is_there[i] ? i + 1 : last;
            assert_int_equal(bda_chart_guess(&charts, number, offset_of(i, count)), last);
        }
        bda_charts_give(&charts, number);
    }
}

static void refused_host_memory_is_no_chart(void **state) {
    (void)state;
    struct limited_host limited;
    struct bda_charts some;
    limited_host_init(&limited, 0);
    bda_charts_init(&some, &limited.host, false);
    assert_int_equal(bda_charts_take(&some, 3), 0);
    limited.allowed = 2; /* the directory, and a chunk */
    uint32_t number = bda_charts_take(&some, 3), room = 1;
    assert_int_not_equal(number, 0);
    while (bda_charts_take(&some, 3) != 0)
        room++;
    assert_in_range(room, 2, 1 << BDA_CHART_CHUNK_LOG2);
    bda_charts_give(&some, number);
    assert_int_equal(bda_charts_take(&some, 5), number);
    assert_int_equal(bda_charts_take(&some, 5), 0);
    bda_charts_destroy(&some);
    assert_host_is_empty(&limited);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_entry_is_read_by_each_offset_up_to_the_next, open_charts, close_charts),
        cmocka_unit_test_setup_teardown(an_entry_names_any_of_sixteen_million_nodes, open_charts, close_charts),
        cmocka_unit_test_setup_teardown(charts_that_were_given_back_come_again, open_charts, close_charts),
        cmocka_unit_test_setup_teardown(a_spare_chart_names_no_node_that_was_not_on_it, open_charts, close_charts),
        cmocka_unit_test_setup_teardown(entries_are_added_where_there_is_space, open_charts, close_charts),
        cmocka_unit_test(refused_host_memory_is_no_chart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
