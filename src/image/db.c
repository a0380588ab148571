/* db.c - SQLite behind db.h: opening, migrations, transactions, statements.
 *
 * The file is reached through /proc/self/fd of the root's descriptor. One
 * connection belongs to one thread; SQLite's own mutexes are off.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/list.h"
#include "base/mem.h"
#include "image/db.h"

/* Whoever opens the file first (with short command lines: nearly everybody) reads the whole log, 3 us for
 * a page of 4 KiB; a checkpoint costs two syncs. */
#define WAL_PAGES 64
/* Only foreign programs (an sqlite3 shell) and two openers after a crash ever wait this way. */
#define BUSY_BACKSTOP_MS 5000
/* Statements kept ready; one more evicts none: it is finalized after use. */
#define KEPT_MAX 64

struct db_stmt {
	struct db *db;
	sqlite3_stmt *q;
	const char *sql;
	bool busy, kept;
};

struct db {
	sqlite3 *h;
	int lockfd;
	bool locked, readonly;
	struct db_stmt kept[KEPT_MAX];
	size_t n_kept;
};

/* --- errors --- */

static enum dv_kind kind_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_CONSTRAINT: return DV_EXISTS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return DV_UNAVAILABLE;
	case SQLITE_FULL: return DV_LIMIT;
	case SQLITE_IOERR: return DV_IO;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return DV_CORRUPT;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_READONLY: return DV_FORBIDDEN;
	case SQLITE_TOOBIG: return DV_LIMIT;
	default: return DV_INTERNAL;
	}
}

/* SQLite calls a full disk by another name when it grows a file, and an I/O error elsewhere. */
static bool disk_is_full(struct db *db, int code)
{
	return (code & 0xff) == SQLITE_FULL ||
	       ((code & 0xff) == SQLITE_IOERR && db->h && sqlite3_system_errno(db->h) == ENOSPC);
}

static int db_fail(struct db *db, int code, const char *what, struct dv_err *e)
{
	if (disk_is_full(db, code))
		return dv_fail_errno(e, ENOSPC, "engine.db: %s", what);
	return dv_fail(e, kind_of(code), "engine.db: %s: %s", what, db->h ? sqlite3_errmsg(db->h) : "no memory");
}

static int run_sql(struct db *db, const char *sql, struct dv_err *e)
{
	int code = sqlite3_exec(db->h, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : db_fail(db, code, sql, e);
}

/* --- open and close --- */

/* On a file system that cannot be written SQLite reads the log without its index; without a log the file is all
 * there is, and nobody can change it. */
static int open_handle(struct db *db, int rootfd, bool log, struct dv_err *e)
{
	auto_free char *path = mem_printf("%s/proc/self/fd/%d/engine.db%s", db->readonly ? "file:" : "", rootfd,
					  db->readonly && !log ? "?immutable=1" : "");
	int code = sqlite3_open_v2(path, &db->h,
				   SQLITE_OPEN_NOMUTEX | (db->readonly ? SQLITE_OPEN_READONLY | SQLITE_OPEN_URI :
									 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE), NULL);

	if (code != SQLITE_OK)
		return db_fail(db, code, "open", e);
	(void)sqlite3_extended_result_codes(db->h, 1);
	(void)sqlite3_busy_timeout(db->h, BUSY_BACKSTOP_MS);
	(void)sqlite3_wal_autocheckpoint(db->h, WAL_PAGES);
	(void)sqlite3_db_config(db->h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	(void)sqlite3_db_config(db->h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	return 0;
}

/* The journal mode is a property of the file: set once, under the lock. The table comes first, so
 * that whoever sees the log finds the table too. */
static int make_file(struct db *db, struct dv_err *e)
{
	int rc = file_lock(db->lockfd, true, true, "engine.db.lock", e);

	if (rc < 0)
		return rc;
	rc = run_sql(db, "CREATE TABLE IF NOT EXISTS schema_versions"
			 "(module TEXT PRIMARY KEY, version INTEGER NOT NULL); PRAGMA journal_mode = WAL", e);
	(void)flock(db->lockfd, LOCK_UN);
	return rc;
}

static int prepare_file(struct db *db, bool fresh, struct dv_err *e)
{
	int rc = fresh ? make_file(db, e) : 0;

	return rc < 0 ? rc : run_sql(db, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON", e);
}

/* The lock file cannot be opened for writing where nothing can be written. */
static int open_lock(struct db *db, int rootfd, struct dv_err *e)
{
	struct dv_err why = DV_ERR_NONE;
	int rc = file_open(rootfd, "engine.db.lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &db->lockfd, &why);

	db->readonly = rc < 0 && why.sys == EROFS;
	if (rc < 0 && !db->readonly && e)
		*e = why;
	return db->readonly ? 0 : rc;
}

int db_open(int rootfd, struct db **ret, struct dv_err *e)
{
	struct stat st;
	struct db *db = mem_new(struct db);
	/* No log: its maker has not come so far, was killed, or a foreign program closed it cleanly. */
	bool log = fstatat(rootfd, "engine.db-wal", &st, AT_SYMLINK_NOFOLLOW) == 0;

	db->lockfd = -1;
	int rc = open_lock(db, rootfd, e);
	if (rc == 0)
		rc = open_handle(db, rootfd, log, e);
	if (rc == 0)
		rc = prepare_file(db, !log && !db->readonly, e);
	if (rc < 0) {
		db_close(db);
		return rc;
	}
	*ret = db;
	return 0;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	db_rollback(db);
	for (size_t i = 0; i < db->n_kept; i++)
		(void)sqlite3_finalize(db->kept[i].q);
	(void)sqlite3_close_v2(db->h);
	fd_close(&db->lockfd);
	free(db);
}

/* --- migrations --- */

static int version_get(struct db *db, const char *module, int64_t *ret, struct dv_err *e)
{
	DB_STMT(q);
	int rc = db_query(db, &q, e, "SELECT version FROM schema_versions WHERE module = ?", "t", module);

	if (rc == 0)
		rc = db_row(q, e);
	if (rc >= 0)
		*ret = rc > 0 ? db_i64(q, 0) : 0;
	return rc < 0 ? rc : 0;
}

static int migrate_locked(struct db *db, const struct db_schema *schema, int64_t want, struct dv_err *e)
{
	int64_t have = 0;
	int rc = version_get(db, schema->module, &have, e);

	for (int64_t v = have; rc == 0 && v < want; v++)
		rc = run_sql(db, schema->steps[v], e);
	if (rc == 0 && have < want)
		rc = db_exec(db, e, "INSERT INTO schema_versions VALUES (?1, ?2)"
				    " ON CONFLICT (module) DO UPDATE SET version = ?2", "ti", schema->module, want);
	return rc < 0 ? rc : 0;
}

int db_migrate(struct db *db, const struct db_schema *schema, struct dv_err *e)
{
	int64_t want = 0, have = 0;

	while (schema->steps[want])
		want++;
	int rc = version_get(db, schema->module, &have, e);
	if (rc < 0)
		return rc;
	if (have > want)
		return dv_fail(e, DV_UNSUPPORTED, "engine.db was written by a newer davit (%s tables of version %lld, known: %lld)",
			       schema->module, (long long)have, (long long)want);
	if (have == want)
		return 0;
	if (db->readonly)
		return dv_fail(e, DV_FORBIDDEN, "engine.db has not the %s tables of this davit, and is on a read-only file system",
			       schema->module);
	rc = db_begin(db, e);
	if (rc < 0)
		return rc;
	rc = migrate_locked(db, schema, want, e);
	if (rc == 0)
		return db_commit(db, e);
	db_rollback(db);
	return dv_wrap(e, "migrate %s tables", schema->module);
}

/* --- transactions --- */

static void unlock(struct db *db)
{
	if (db->locked)
		(void)flock(db->lockfd, LOCK_UN);
	db->locked = false;
}

int db_begin(struct db *db, struct dv_err *e)
{
	int sys = fault_hit("begin");

	if (db->readonly)
		return dv_fail(e, DV_FORBIDDEN, "engine.db is on a read-only file system");
	if (sys)
		return dv_fail_errno(e, sys, "change engine.db");
	int rc = file_lock(db->lockfd, true, true, "engine.db.lock", e);
	if (rc < 0)
		return rc;
	db->locked = true;
	rc = run_sql(db, "BEGIN IMMEDIATE", e);
	if (rc < 0)
		unlock(db);
	return rc;
}

int db_begin_read(struct db *db, struct dv_err *e)
{
	return run_sql(db, "BEGIN DEFERRED", e);
}

int db_commit(struct db *db, struct dv_err *e)
{
	int sys = fault_hit("commit");
	int rc = sys ? dv_fail_errno(e, sys, "commit to engine.db") : run_sql(db, "COMMIT", e);

	db_rollback(db);
	return rc;
}

void db_rollback(struct db *db)
{
	if (db->h && !sqlite3_get_autocommit(db->h))
		(void)sqlite3_exec(db->h, "ROLLBACK", NULL, NULL, NULL);
	unlock(db);
}

int db_finish(struct db *db, int r, struct dv_err *e)
{
	if (r >= 0)
		return db_commit(db, e);
	db_rollback(db);
	return r;
}

int db_relax(struct db *db, struct dv_err *e)
{
	return run_sql(db, "PRAGMA synchronous = NORMAL", e);
}

bool db_in_transaction(const struct db *db)
{
	return !sqlite3_get_autocommit(db->h);
}

/* --- generation --- */

/* The write-ahead log's index begins with a header of 48 bytes (twice, so that readers see a torn one) with a change
 * counter, salts and a checksum: part of SQLite's file format. Its first region is mapped already. */
#define WAL_INDEX_REGION (32 << 10)

void db_generation(struct db *db, struct db_generation *ret)
{
	sqlite3_file *f = NULL;
	void volatile *p = NULL;

	*ret = (struct db_generation){ 0 };
	if (sqlite3_file_control(db->h, "main", SQLITE_FCNTL_FILE_POINTER, &f) != SQLITE_OK || !f || !f->pMethods ||
	    f->pMethods->iVersion < 2 || f->pMethods->xShmMap(f, 0, WAL_INDEX_REGION, 0, &p) != SQLITE_OK || !p)
		return;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (size_t i = 0; i < sizeof ret->header; i++)
		ret->header[i] = ((const volatile unsigned char *)p)[i];
	ret->valid = memcmp(ret->header, (const char *)(uintptr_t)p + sizeof ret->header, sizeof ret->header) == 0;
}

/* --- statements --- */

static struct db_stmt *stmt_find(struct db *db, const char *sql)
{
	for (size_t i = 0; i < db->n_kept; i++)
		if (db->kept[i].sql == sql && !db->kept[i].busy)
			return &db->kept[i];
	return NULL;
}

static int stmt_get(struct db *db, const char *sql, struct db_stmt **ret, struct dv_err *e)
{
	struct db_stmt *s = stmt_find(db, sql);

	if (!s) {
		sqlite3_stmt *q;
		int code = sqlite3_prepare_v3(db->h, sql, -1, SQLITE_PREPARE_PERSISTENT, &q, NULL);

		if (code != SQLITE_OK)
			return db_fail(db, code, sql, e);
		bool kept = db->n_kept < KEPT_MAX;
		s = kept ? &db->kept[db->n_kept++] : mem_new(struct db_stmt);
		*s = (struct db_stmt){ .db = db, .q = q, .sql = sql, .kept = kept };
	}
	s->busy = true;
	*ret = s;
	return 0;
}

static int bind_all(struct db_stmt *s, const char *types, va_list ap)
{
	int code = SQLITE_OK;

	for (int i = 1; *types && code == SQLITE_OK; types++, i++) {
		if (*types == 'i') {
			code = sqlite3_bind_int64(s->q, i, va_arg(ap, int64_t));
		} else if (*types == 't') {
			code = sqlite3_bind_text(s->q, i, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
		} else {
			const void *p = va_arg(ap, const void *);
			size_t len = va_arg(ap, size_t);

			code = sqlite3_bind_blob64(s->q, i, p, len, SQLITE_TRANSIENT);
		}
	}
	return code;
}

static int query_va(struct db *db, struct db_stmt **ret, struct dv_err *e, const char *sql, const char *types,
		    va_list ap)
{
	struct db_stmt *s = NULL;
	int rc = stmt_get(db, sql, &s, e);

	if (rc < 0)
		return rc;
	int code = bind_all(s, types, ap);
	if (code != SQLITE_OK) {
		rc = db_fail(db, code, sql, e);
		db_stmt_end(s);
		return rc;
	}
	*ret = s;
	return 0;
}

int db_query(struct db *db, struct db_stmt **ret, struct dv_err *e, const char *sql, const char *types, ...)
{
	va_list ap;

	va_start(ap, types);
	int rc = query_va(db, ret, e, sql, types, ap);
	va_end(ap);
	return rc;
}

int db_row(struct db_stmt *s, struct dv_err *e)
{
	int code = sqlite3_step(s->q);

	if (code == SQLITE_ROW)
		return 1;
	return code == SQLITE_DONE ? 0 : db_fail(s->db, code, s->sql, e);
}

void db_stmt_end(struct db_stmt *s)
{
	if (!s)
		return;
	(void)sqlite3_reset(s->q);
	(void)sqlite3_clear_bindings(s->q);
	s->busy = false;
	if (!s->kept) {
		(void)sqlite3_finalize(s->q);
		free(s);
	}
}

const char *db_text(struct db_stmt *s, int col)
{
	return (const char *)sqlite3_column_text(s->q, col);
}

int64_t db_i64(struct db_stmt *s, int col)
{
	return sqlite3_column_int64(s->q, col);
}

const void *db_blob(struct db_stmt *s, int col, size_t *ret_len)
{
	const void *p = sqlite3_column_blob(s->q, col);

	*ret_len = (size_t)sqlite3_column_bytes(s->q, col);
	return p;
}

int db_exec(struct db *db, struct dv_err *e, const char *sql, const char *types, ...)
{
	DB_STMT(q);
	va_list ap;

	va_start(ap, types);
	int rc = query_va(db, &q, e, sql, types, ap);
	va_end(ap);
	while (rc >= 0 && (rc = db_row(q, e)) > 0)
		;
	return rc < 0 ? rc : sqlite3_changes(db->h);
}

int64_t db_last_id(const struct db *db)
{
	return sqlite3_last_insert_rowid(db->h);
}
