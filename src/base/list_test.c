/* list_test.c - insertion at both ends, removal while walking, unlinking twice. */
#include "base/list.h"
#include "base/unit.h"

struct item {
	int n;
	struct list link;
};

static int digits(struct list *head)
{
	int v = 0;

	LIST_EACH(it, head)
		v = v * 10 + container_of(it, struct item, link)->n;
	return v;
}

static void test_list(void **state)
{
	struct item items[5] = { { 0 }, { 1 }, { 2 }, { 3 }, { 4 } };
	struct list head;

	list_init(&head);
	assert_true(list_empty(&head));
	list_add_tail(&head, &items[2].link);
	list_add_tail(&head, &items[3].link);
	list_add_head(&head, &items[1].link);
	list_add_tail(&head, &items[4].link);
	assert_int_equal(digits(&head), 1234);
	LIST_EACH_SAFE(it, &head)
		if (container_of(it, struct item, link)->n % 2 == 0)
			list_remove(it);
	assert_int_equal(digits(&head), 13);
	list_remove(&items[1].link);
	list_remove(&items[1].link);
	assert_int_equal(digits(&head), 3);
	list_remove(&items[3].link);
	assert_true(list_empty(&head));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_list) };

	return unit_run(tests);
}
