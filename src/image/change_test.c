/* change_test.c - instructions on a configuration. */
#include "base/str.h"
#include "base/unit.h"
#include "image/change.h"

static void test_changes(void **state)
{
	static const struct { const char *what[4], *want; } cases[] = {
		{ { "CMD echo a b" }, "{\"Cmd\":[\"/bin/sh\",\"-c\",\"echo a b\"]}" },
		{ { "cmd [\"echo\", \"a b\"]" }, "{\"Cmd\":[\"echo\",\"a b\"]}" },
		{ { "CMD [broken" }, "{\"Cmd\":[\"/bin/sh\",\"-c\",\"[broken\"]}" },
		{ { "ENTRYPOINT [\"/a\"]", "ENTRYPOINT [\"/b\"]" }, "{\"Entrypoint\":[\"/b\"]}" },
		{ { "ENV A=1 B=\"2 3\" C=4\\ 5", "ENV A=9" }, "{\"Env\":[\"A=9\",\"B=2 3\",\"C=4 5\"]}" },
		{ { "ENV A some words" }, "{\"Env\":[\"A=some words\"]}" },
		{ { "ENV A= AB=x" , "ENV A=y" }, "{\"Env\":[\"A=y\",\"AB=x\"]}" },
		{ { "EXPOSE 80 53/udp" }, "{\"ExposedPorts\":{\"80/tcp\":{},\"53/udp\":{}}}" },
		{ { "LABEL a=b 'c d=e f'" }, "{\"Labels\":{\"a\":\"b\",\"c d\":\"e f\"}}" },
		{ { "ONBUILD RUN x", "ONBUILD RUN y" }, "{\"OnBuild\":[\"RUN x\",\"RUN y\"]}" },
		{ { "STOPSIGNAL SIGINT" }, "{\"StopSignal\":\"SIGINT\"}" },
		{ { "  USER  me:us  " }, "{\"User\":\"me:us\"}" },
		{ { "VOLUME /a /b", "VOLUME [\"/c d\"]" }, "{\"Volumes\":{\"/a\":{},\"/b\":{},\"/c d\":{}}}" },
		{ { "WORKDIR /a", "WORKDIR b", "WORKDIR c" }, "{\"WorkingDir\":\"/a/b/c\"}" },
	};
	struct dv_err e = DV_ERR_NONE;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_arena struct arena a;
		arena_init(&a, 0);
		struct json *config = json_new_object(&a);

		for (size_t k = 0; k < 4 && cases[i].what[k]; k++)
			assert_ok(image_change(&a, config, cases[i].what[k], &e), &e);
		assert_string_equal(json_text(&a, config, JSON_COMPACT), cases[i].want);
	}
}

static void test_refused(void **state)
{
	static const char *const cases[] = { "", "RUN x", "ENV", "ENV A", "ENV =b", "ENV A=1 b", "LABEL a=\"b", "CMD", "COPY a b",
					     "EXPOSE  ", "CMDX y" };
	struct dv_err e = DV_ERR_NONE;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_arena struct arena a;
		arena_init(&a, 0);
		struct json *config = json_new_object(&a);

		assert_fails(image_change(&a, config, cases[i], &e), INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_changes), cmocka_unit_test(test_refused) };

	return unit_run(tests);
}
