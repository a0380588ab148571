/* db_test.c - migrations, transactions, many writers, and writers that are killed. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "base/str.h"
#include "base/unit.h"
#include "image/db.h"

static const char *const v1[] = { "CREATE TABLE a(n INTEGER); CREATE TABLE b(n INTEGER)", NULL };
static const char *const v2[] = { "CREATE TABLE a(n INTEGER); CREATE TABLE b(n INTEGER)",
				  "CREATE TABLE u(name TEXT UNIQUE, data BLOB); INSERT INTO a VALUES (7)", NULL };
static const char *const v3_bad[] = { "", "", "CREATE TABLE new_one(x); CREATE TABLE a(n)", NULL };
static const struct db_schema one = { "test", v1 }, two = { "test", v2 }, bad = { "test", v3_bad };

#define auto_db __attribute__((cleanup(db_auto_close)))

static void open_at(const struct unit_tmp *t, const struct db_schema *s, struct db **ret)
{
	struct dv_err e = DV_ERR_NONE;

	assert_ok(db_open(t->fd, ret, &e), &e);
	assert_ok(db_migrate(*ret, s, &e), &e);
}

static int64_t number(struct db *db, const char *sql)
{
	struct dv_err e = DV_ERR_NONE;
	DB_STMT(q);

	assert_ok(db_query(db, &q, &e, sql, ""), &e);
	assert_int_equal(db_row(q, &e), 1);
	return db_i64(q, 0);
}

static void test_migrate(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	struct unit_tmp t;

	unit_tmp_new(&t);
	for (int i = 0; i < 2; i++) {
		auto_db struct db *db = NULL;

		open_at(&t, &one, &db);
		assert_int_equal(number(db, "SELECT count(*) FROM a"), 0);
	}
	for (int i = 0; i < 2; i++) {
		auto_db struct db *db = NULL;

		open_at(&t, &two, &db);
		assert_int_equal(number(db, "SELECT count(*) FROM a WHERE n = 7"), 1);
		assert_fails(db_migrate(db, &one, &e), UNSUPPORTED);
		assert_true(db_migrate(db, &bad, &e) < 0);      /* as a whole or not at all */
		assert_int_equal(number(db, "SELECT count(*) FROM sqlite_master WHERE name = 'new_one'"), 0);
		assert_int_equal(number(db, "SELECT version FROM schema_versions"), 2);
	}
	unit_tmp_done(&t);
}

/* A full disk is told in the words, and with the error number, of any other write: the registry answers by it. */
static void test_full(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	auto_db struct db *db = NULL;
	auto_free char *data = mem_alloc(100000);
	struct unit_tmp t;

	unit_tmp_new(&t);
	open_at(&t, &two, &db);
	memset(data, 'x', 100000);
	assert_true(number(db, "PRAGMA max_page_count = 16") <= 16);
	assert_fails(db_exec(db, &e, "INSERT INTO u VALUES ('x', ?)", "b", data, (size_t)100000), LIMIT);
	assert_int_equal(e.sys, ENOSPC);
	assert_non_null(strstr(e.msg, "No space left on device"));
	db_close(take_ptr(&db));
	unit_tmp_done(&t);
}

static void test_statements(void **state)
{
	struct dv_err e = DV_ERR_NONE;
	auto_db struct db *db = NULL;
	struct unit_tmp t;
	size_t len;

	unit_tmp_new(&t);
	open_at(&t, &two, &db);
	assert_int_equal(db_exec(db, &e, "INSERT INTO u VALUES (?, ?)", "tb", "x", "a\0b", (size_t)3), 1);
	assert_fails(db_exec(db, &e, "INSERT INTO u VALUES (?, ?)", "tb", "x", "", (size_t)0), EXISTS);
	assert_int_equal(db_exec(db, &e, "INSERT INTO u VALUES (?, NULL)", "t", NULL), 1);
	{
		DB_STMT(q);
		DB_STMT(again);

		assert_int_equal(db_query(db, &q, &e, "SELECT name, data FROM u ORDER BY rowid", ""), 0);
		assert_int_equal(db_row(q, &e), 1);
		/* The same text while the first is in use. */
		assert_int_equal(db_query(db, &again, &e, "SELECT name, data FROM u ORDER BY rowid", ""), 0);
		assert_int_equal(db_row(again, &e), 1);
		assert_string_equal(db_text(q, 0), "x");
		const void *p = db_blob(q, 1, &len);
		assert_int_equal(len, 3);
		assert_memory_equal(p, "a\0b", 3);
		assert_int_equal(db_row(q, &e), 1);
		assert_null(db_text(q, 0));
		assert_int_equal(db_row(q, &e), 0);
	}
	assert_true(db_exec(db, &e, "SELECT nothing FROM nowhere", "") < 0);
	assert_int_equal(db_begin(db, &e), 0);
	assert_true(db_in_transaction(db));
	assert_int_equal(db_exec(db, &e, "DELETE FROM u", ""), 2);
	db_rollback(db);
	assert_false(db_in_transaction(db));
	assert_int_equal(number(db, "SELECT count(*) FROM u"), 2);
	db_close(take_ptr(&db));
	unit_tmp_done(&t);
}

/* Both tables change in each transaction, so they must always agree. */
static int add_pair(struct db *db, int64_t n, struct dv_err *e)
{
	int rc = db_begin(db, e);

	if (rc < 0)
		return rc;
	rc = db_exec(db, e, "INSERT INTO a VALUES (?)", "i", n);
	if (rc >= 0)
		rc = db_exec(db, e, "INSERT INTO b VALUES (?)", "i", n);
	if (rc >= 0)
		return db_commit(db, e);
	db_rollback(db);
	return rc;
}

static pid_t child_writing(const struct unit_tmp *t, int64_t count)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct db *db;
		int rc = db_open(t->fd, &db, NULL);

		if (rc == 0)
			rc = db_migrate(db, &one, NULL);
		for (int64_t i = 0; rc == 0 && i < count; i++)
			rc = add_pair(db, i, NULL);
		_exit(rc == 0 ? 0 : 1);
	}
	assert_true(pid > 0);
	return pid;
}

static void test_many_writers(void **state)
{
	enum { WRITERS = 8, EACH = 50 };
	struct unit_tmp t;
	pid_t pids[WRITERS];
	auto_db struct db *db = NULL;
	int status;

	unit_tmp_new(&t);
	for (int i = 0; i < WRITERS; i++)       /* they also race for making the file */
		pids[i] = child_writing(&t, EACH);
	for (int i = 0; i < WRITERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	open_at(&t, &one, &db);
	assert_int_equal(number(db, "SELECT count(*) FROM a"), WRITERS * EACH);
	assert_int_equal(number(db, "SELECT count(*) FROM b"), WRITERS * EACH);
	db_close(take_ptr(&db));
	unit_tmp_done(&t);
}

static void test_killed_writers(void **state)
{
	struct unit_tmp t;
	struct dv_err e = DV_ERR_NONE;
	int64_t before = 0;
	int status;

	unit_tmp_new(&t);
	for (int round = 0; round < 25; round++) {
		auto_db struct db *db = NULL;
		const struct timespec wait = { 0, (long)(round * 7919 % 40) * 500000 };
		pid_t pid = child_writing(&t, INT64_MAX);

		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		open_at(&t, &one, &db);
		int64_t now = number(db, "SELECT count(*) FROM a");
		assert_int_equal(number(db, "SELECT count(*) FROM b"), now);
		assert_int_equal(number(db, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
		assert_true(now >= before);
		assert_ok(add_pair(db, -1, &e), &e);
		before = now + 1;
	}
	assert_true(before > 25);
	unit_tmp_done(&t);
}

static void test_generation(void **state)
{
	struct unit_tmp t;
	auto_db struct db *db = NULL, *other = NULL;
	struct db_generation before, now;
	struct dv_err e = DV_ERR_NONE;
	int status;

	unit_tmp_new(&t);
	open_at(&t, &one, &db);
	open_at(&t, &one, &other);
	db_generation(db, &before);
	assert_true(before.valid);
	(void)number(other, "SELECT count(*) FROM a");
	assert_ok(db_begin(other, &e), &e);
	db_rollback(other);
	db_generation(db, &now);
	assert_memory_equal(&before, &now, sizeof now);
	/* another connection, then another process, then we */
	for (int i = 0; i < 3; i++) {
		if (i == 1)
			assert_int_equal(waitpid(child_writing(&t, 1), &status, 0) > 0 && status == 0, 1);
		else
			assert_ok(add_pair(i ? db : other, 100 + i, &e), &e);
		db_generation(db, &now);
		assert_true(now.valid);
		assert_memory_not_equal(&before, &now, sizeof now);
		before = now;
	}
	db_close(take_ptr(&db));
	db_close(take_ptr(&other));
	unit_tmp_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_migrate),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_statements),
		cmocka_unit_test(test_many_writers),
		cmocka_unit_test(test_killed_writers),
		cmocka_unit_test(test_generation),
	};

	return unit_run(tests);
}
