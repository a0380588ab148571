/* db.h - engine.db: one SQLite file in WAL mode for images and containers.
 *
 * Writers take flock(engine.db.lock) before BEGIN IMMEDIATE, so our own
 * processes queue in the kernel and never meet SQLite's busy handler, which is
 * a sleeping poll. Readers take no lock of ours. Closing does not checkpoint;
 * the writer whose commit makes the log long enough does.
 *
 * A module that keeps tables here has a struct db_schema: its migrations from
 * version 0 on. Versions are kept per module, so image and engine move alone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct db;
struct db_stmt;

struct db_schema {
	const char *module;             /* "image" */
	const char *const *steps;       /* SQL that leads from version i to i + 1; NULL-terminated */
};

/* engine.db in the directory rootfd, made when missing. On a read-only file system it can be read only: db_begin() is
 * FORBIDDEN then. */
int db_open(int rootfd, struct db **ret, struct dv_err *e) DV_MUST_USE;
void db_close(struct db *db);
static inline void db_auto_close(struct db **db) { db_close(*db); }

/* Bring a module's tables to the newest version; one SELECT when they are. UNSUPPORTED when
 * the file was written by a newer davit. */
int db_migrate(struct db *db, const struct db_schema *schema, struct dv_err *e) DV_MUST_USE;

/* Lock and BEGIN IMMEDIATE; keep it under a millisecond: no files, no children inside.
 * Does not nest. After db_commit(), failed or not, the transaction is over. */
int db_begin(struct db *db, struct dv_err *e) DV_MUST_USE;
int db_commit(struct db *db, struct dv_err *e) DV_MUST_USE;
void db_rollback(struct db *db);        /* nothing when no transaction is open */
/* The end of a transaction whose last step gave r: commits, or rolls back and returns r. */
int db_finish(struct db *db, int r, struct dv_err *e) DV_MUST_USE;
/* Commits of this connection that come later need not survive a crash of the machine, only ours. */
int db_relax(struct db *db, struct dv_err *e) DV_MUST_USE;
bool db_in_transaction(const struct db *db);
/* A consistent view over several SELECTs, without any lock; ended by db_rollback(). */
int db_begin_read(struct db *db, struct dv_err *e) DV_MUST_USE;

/* Which state of the file a reader would see now. Two equal ones that are valid: nobody, in whatever process, has
 * committed between them. It is read from memory that all connections share: no system call, no lock. A
 * commit that has returned anywhere is seen. */
struct db_generation {
	bool valid;
	unsigned char header[48];
};
void db_generation(struct db *db, struct db_generation *ret);

/* --- statements ---
 * sql must be a constant: statements are kept by its address and used again. types has one letter
 * for each parameter: i int64_t, t const char * (NULL gives NULL), b const void * and size_t.
 *
 *	DB_STMT(q);
 *	rc = db_query(db, &q, e, "SELECT id FROM names WHERE name = ?", "t", name);
 *	while (rc >= 0 && (rc = db_row(q, e)) > 0)
 *		use(db_text(q, 0));
 */
int db_query(struct db *db, struct db_stmt **ret, struct dv_err *e, const char *sql, const char *types, ...) DV_MUST_USE;
/* 1 with a row, 0 at the end; EXISTS when a UNIQUE column has the value already. */
int db_row(struct db_stmt *s, struct dv_err *e) DV_MUST_USE;
void db_stmt_end(struct db_stmt *s);    /* NULL is fine; texts of the row are gone afterwards */
static inline void db_auto_stmt(struct db_stmt **s) { db_stmt_end(*s); }
#define DB_STMT(name) __attribute__((cleanup(db_auto_stmt))) struct db_stmt *name = NULL

/* Columns of the current row, from 0. */
const char *db_text(struct db_stmt *s, int col);             /* NULL for NULL */
int64_t db_i64(struct db_stmt *s, int col);
const void *db_blob(struct db_stmt *s, int col, size_t *ret_len);

/* Run to the end without rows; returns the number of changed rows. */
int db_exec(struct db *db, struct dv_err *e, const char *sql, const char *types, ...) DV_MUST_USE;
int64_t db_last_id(const struct db *db);                     /* rowid of the last INSERT */
