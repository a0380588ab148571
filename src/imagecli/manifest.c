/* manifest.c - manifest: indexes (manifest lists) made by hand in the store.
 *
 * A list is a named index. Changing one puts another index under the same name;
 * what it refers to is in the store, held by the index.
 */
#include <stdio.h>

#include "base/file.h"
#include "base/str.h"
#include "image/config.h"
#include "image/manifests.h"
#include "image/name.h"
#include "image/store.h"
#include "imagecli/blobshow.h"
#include "imagecli/imagecli.h"
#include "imagecli/placeopts.h"
#include "transfer/copy.h"

struct manifest_args {
	struct place_args place;
	bool all, amend, quiet, rm, raw, config;
	const char *os, *arch, *variant, *os_version, *format, *digestfile, *push_all;
	struct opt_strs annotations, features;
};

#define A(member) offsetof(struct manifest_args, member)
#define OPT_ALL(text) { .name = "all", .kind = OPT_BOOL, .offset = A(all), .help = text }
#define OPT_QUIET { .name = "quiet", .letter = 'q', .kind = OPT_BOOL, .offset = A(quiet), .help = "Show no progress" }
#define OPTS_PLATFORM \
	{ .name = "os", .kind = OPT_STR, .arg = "OS", .offset = A(os), .help = "Operating system of the entry" }, \
	{ .name = "arch", .kind = OPT_STR, .arg = "ARCH", .offset = A(arch), .help = "Architecture of the entry" }, \
	{ .name = "variant", .kind = OPT_STR, .arg = "VARIANT", .offset = A(variant), .help = "Its variant" }, \
	{ .name = "os-version", .kind = OPT_STR, .arg = "VERSION", .offset = A(os_version), \
	  .help = "Version of the operating system" }, \
	{ .name = "features", .kind = OPT_STRS, .arg = "FEATURE", .offset = A(features), .help = "A feature of the platform" }, \
	{ .name = "annotation", .kind = OPT_STRS, .arg = "NAME=VALUE", .offset = A(annotations), \
	  .help = "An annotation of the entry" }

/* --- a list in memory --- */

struct list {
	struct arena *a;
	struct image_store *store;
	const char *name;               /* canonical */
	struct json *tree;
};

static int list_new(struct verb_call *c, struct image_store *s, const char *name, struct list *ret, struct dv_err *e)
{
	struct list l = { .a = c->arena, .store = s };
	struct image_name n;
	int rc = image_name_parse(c->arena, name, &n, e);

	if (rc == 0 && n.digest)
		return dv_fail(e, DV_INVALID, "%s: a list is named without a digest", name);
	if (rc < 0)
		return rc;
	l.name = image_name_text(c->arena, &n);
	l.tree = json_obj(l.a, "schemaVersion", json_new_u64(l.a, 2), "mediaType", json_new_str(l.a, MEDIA_OCI_INDEX),
			  "manifests", json_new_array(l.a), NULL);
	*ret = l;
	return 0;
}

static int list_read(struct verb_call *c, struct image_store *s, const char *name, struct list *ret, struct dv_err *e)
{
	struct manifest_row row;
	const char *text;
	size_t len;
	int rc = list_new(c, s, name, ret, e);

	if (rc == 0)
		rc = manifest_resolve(s, c->arena, ret->name, &row, e);
	if (rc == 0 && row.kind != MANIFEST_CLASS_INDEX)
		return dv_fail(e, DV_NOT_FOUND, "%s is an image, not a manifest list", name);
	if (rc == 0)
		rc = manifest_load(s, c->arena, &row.digest, &text, &len, e);
	return rc < 0 ? rc : json_parse(c->arena, text, len, &ret->tree, e);
}

static int list_write(const struct list *l, struct dv_err *e)
{
	const char *text = json_text(l->a, l->tree, JSON_COMPACT);
	char shown[DIGEST_TEXT_SIZE];
	struct digest d;

	digest_of(DIGEST_SHA256, text, strlen(text), &d);
	int rc = manifest_put(l->store, &d, text, strlen(text), NULL, l->name, NULL, e);
	if (rc == 0)
		printf("%s\n", digest_text(&d, shown));
	return rc;
}

/* Index of the entry of this digest, or the number of entries. */
static size_t entry_find(const struct list *l, const char *digest)
{
	const struct json *v = json_get(l->tree, "manifests");
	size_t i = 0;

	for (; i < json_len(v); i++) {
		const char *have = json_str(json_get(json_at(v, i), "digest"));

		if (have && streq(have, digest))
			break;
	}
	return i;
}

static void entry_remove(struct list *l, size_t at)
{
	const struct json *v = json_get(l->tree, "manifests");
	struct json *left = json_new_array(l->a);

	for (size_t i = 0; i < json_len(v); i++)
		if (i != at)
			json_append(l->a, left, (struct json *)json_at(v, i));
	json_set(l->a, l->tree, "manifests", left);
}

static int entry_add(struct list *l, struct json *entry, struct dv_err *e)
{
	size_t at = entry_find(l, json_str(json_get(entry, "digest")));

	if (at < json_len(json_get(l->tree, "manifests")))
		entry_remove(l, at);
	if (json_len(json_get(l->tree, "manifests")) >= COPY_ENTRIES_MAX)
		return dv_fail(e, DV_LIMIT, "a list has at most %d entries", COPY_ENTRIES_MAX);
	json_append(l->a, json_get_mut(l->tree, "manifests"), entry);
	return 0;
}

/* --- what the flags say of an entry --- */

static int entry_annotations(struct list *l, struct json *entry, const struct manifest_args *x, struct dv_err *e)
{
	for (size_t i = 0; i < x->annotations.n; i++) {
		const char *text = x->annotations.v[i], *eq = strchr(text, '=');
		struct json *notes = json_get_mut(entry, "annotations");

		if (!eq || eq == text)
			return dv_fail(e, DV_INVALID, "annotation \"%.100s\" is not NAME=VALUE", text);
		if (json_type(notes) != JSON_OBJECT) {
			notes = json_new_object(l->a);
			json_set(l->a, entry, "annotations", notes);
		}
		json_set(l->a, notes, arena_strn(l->a, text, (size_t)(eq - text)), json_new_str(l->a, eq + 1));
	}
	return 0;
}

static int entry_change(struct list *l, struct json *entry, const struct manifest_args *x, struct dv_err *e)
{
	const struct { const char *key, *value; } said[] = {
		{ "platform.os", x->os }, { "platform.architecture", x->arch }, { "platform.variant", x->variant },
	};

	for (size_t i = 0; i < ARRAY_LEN(said); i++)
		if (said[i].value)
			json_set_path(l->a, entry, said[i].key, json_new_str(l->a, said[i].value));
	struct json *platform = json_get_mut(entry, "platform");
	if ((x->os_version || x->features.n) && json_type(platform) != JSON_OBJECT) {
		platform = json_new_object(l->a);
		json_set(l->a, entry, "platform", platform);
	}
	if (x->os_version)
		json_set(l->a, platform, "os.version", json_new_str(l->a, x->os_version));
	if (x->features.n)
		json_set(l->a, platform, "features", json_new_strs(l->a, x->features.v));
	return entry_annotations(l, entry, x, e);
}

/* --- add --- */

struct adding {
	struct verb_call *c;
	const struct manifest_args *x;
	struct list *l;
	struct source *s;
};

static int platform_of(struct adding *k, const struct manifest_info *m, struct descriptor *d, struct dv_err *e)
{
	struct image_config config;
	const char *text;
	size_t len;
	int rc = source_bytes(k->s, k->c->arena, &m->refs[0], IMAGE_CONFIG_MAX, &text, &len, e);

	if (rc == 0)
		rc = image_config_parse(k->c->arena, text, len, &config, e);
	if (rc < 0)
		return rc;
	d->has_platform = true;
	d->platform = (struct platform){ config.os, config.arch, config.variant };
	return 0;
}

static int add_document(struct adding *k, const struct document *doc, const struct manifest_info *m, struct dv_err *e)
{
	struct descriptor d = { .media_type = doc->media_type, .digest = doc->digest, .size = doc->len,
				.artifact_type = m->kind == MANIFEST_CLASS_ARTIFACT ? m->artifact_type : NULL };
	int rc = m->kind == MANIFEST_CLASS_IMAGE ? platform_of(k, m, &d, e) : 0;

	if (rc < 0)
		return rc;
	struct json *entry = descriptor_json(k->c->arena, &d);
	rc = entry_change(k->l, entry, k->x, e);
	return rc < 0 ? rc : entry_add(k->l, entry, e);
}

/* The entries of an index one by one, with the platforms it gives them. */
static int add_entries(struct adding *k, const struct manifest_info *m, struct dv_err *e)
{
	int rc = 0;

	for (size_t i = 0; i < m->n && rc == 0; i++) {
		struct json *entry = descriptor_json(k->c->arena, &m->refs[i]);

		rc = entry_change(k->l, entry, k->x, e);
		if (rc == 0)
			rc = entry_add(k->l, entry, e);
	}
	return rc;
}

/* Into the store, where the list's own blobs are; without a name of its own. */
static int fetch(struct adding *k, struct document *ret, struct dv_err *e)
{
	const struct copy_options o = { .which = k->x->all ? COPY_ALL : COPY_SYSTEM, .unnamed = true, .retries = 2 };
	const struct place_options here = { .store = k->l->store };
	auto_dest struct dest *d = NULL;
	struct place p;
	int rc = place_make(k->c->arena, "davit", "", NULL, &p, e);

	if (rc == 0)
		rc = dest_open(&p, &here, &d, e);
	if (rc == 0)
		rc = copy_image(k->s, d, &o, k->c->arena, ret, e);
	return rc < 0 ? rc : dest_commit(d, e);
}

/* A name alone is in the store, or else in its registry. */
static int place_of(struct adding *k, const char *text, struct place *ret, struct dv_err *e)
{
	struct manifest_row row;

	if (manifest_resolve(k->l->store, k->c->arena, text, &row, NULL) == 0)
		return place_make(k->c->arena, "davit", text, NULL, ret, e);
	return place_parse(k->c->arena, text, ret, e);
}

static int add_one(struct verb_call *c, struct list *l, const char *image, struct dv_err *e)
{
	struct adding k = { c, c->args, l, NULL };
	struct place_options o;
	struct manifest_info m;
	struct document doc;
	struct place p;
	int rc = place_args_apply(&k.x->place, c->arena, &o, e);

	o.store = l->store;
	if (rc == 0)
		rc = place_of(&k, image, &p, e);
	if (rc == 0)
		rc = source_open(&p, &o, &k.s, e);
	if (rc == 0)
		rc = fetch(&k, &doc, e);
	if (rc == 0)
		rc = manifest_info_parse(c->arena, doc.text, doc.len, doc.media_type, &m, e);
	if (rc == 0)
		rc = m.kind == MANIFEST_CLASS_INDEX ? add_entries(&k, &m, e) : add_document(&k, &doc, &m, e);
	source_close(k.s);
	return rc < 0 ? dv_wrap(e, "add %s", image) : 0;
}

static int store_open(struct verb_call *c, struct image_store **ret, struct dv_err *e)
{
	return image_store_open(((const struct imagecli_globals *)c->globals)->root, ret, e);
}

static int create_run(struct verb_call *c, struct dv_err *e)
{
	const struct manifest_args *x = c->args;
	auto_store struct image_store *s = NULL;
	struct list l, old;
	struct dv_err none = DV_ERR_NONE;
	int rc = store_open(c, &s, e);

	if (rc == 0)
		rc = list_new(c, s, c->operands[0], &l, e);
	if (rc < 0)
		return rc;
	if (list_read(c, s, c->operands[0], &old, &none) == 0) {
		if (!x->amend)
			return dv_fail(e, DV_EXISTS, "%s exists already: use --amend to add to it", c->operands[0]);
		l = old;
	}
	for (size_t i = 1; i < c->n_operands && rc == 0; i++)
		rc = add_one(c, &l, c->operands[i], e);
	return rc < 0 ? rc : list_write(&l, e);
}

static int add_run(struct verb_call *c, struct dv_err *e)
{
	auto_store struct image_store *s = NULL;
	struct list l;
	int rc = store_open(c, &s, e);

	if (rc == 0)
		rc = list_read(c, s, c->operands[0], &l, e);
	for (size_t i = 1; i < c->n_operands && rc == 0; i++)
		rc = add_one(c, &l, c->operands[i], e);
	return rc < 0 ? rc : list_write(&l, e);
}

/* --- annotate, remove --- */

/* By digest, or by the name of an image whose manifest it is. */
static int entry_named(struct verb_call *c, struct list *l, const char *text, size_t *ret, struct dv_err *e)
{
	char shown[DIGEST_TEXT_SIZE];
	struct manifest_row row;

	*ret = entry_find(l, text);
	if (*ret == json_len(json_get(l->tree, "manifests")) &&
	    manifest_resolve(l->store, c->arena, text, &row, NULL) == 0)
		*ret = entry_find(l, digest_text(&row.digest, shown));
	return *ret < json_len(json_get(l->tree, "manifests")) ? 0 :
	       dv_fail(e, DV_NOT_FOUND, "%s: no entry %s", c->operands[0], text);
}

/* LIST ENTRY of the command line. */
static int entry_open(struct verb_call *c, struct image_store **ret_s, struct list *ret, size_t *ret_at, struct dv_err *e)
{
	int rc = store_open(c, ret_s, e);

	if (rc == 0)
		rc = list_read(c, *ret_s, c->operands[0], ret, e);
	return rc < 0 ? rc : entry_named(c, ret, c->operands[1], ret_at, e);
}

static int annotate_run(struct verb_call *c, struct dv_err *e)
{
	auto_store struct image_store *s = NULL;
	struct list l;
	size_t at;
	int rc = entry_open(c, &s, &l, &at, e);

	if (rc == 0)
		rc = entry_change(&l, (struct json *)json_at(json_get(l.tree, "manifests"), at), c->args, e);
	return rc < 0 ? rc : list_write(&l, e);
}

static int remove_run(struct verb_call *c, struct dv_err *e)
{
	auto_store struct image_store *s = NULL;
	struct list l;
	size_t at;
	int rc = entry_open(c, &s, &l, &at, e);

	if (rc < 0)
		return rc;
	entry_remove(&l, at);
	return list_write(&l, e);
}

/* --- rm, exists --- */

static int rm_run(struct verb_call *c, struct dv_err *e)
{
	auto_store struct image_store *s = NULL;
	int rc = store_open(c, &s, e);

	for (size_t i = 0; i < c->n_operands && rc == 0; i++) {
		struct list l;

		rc = list_read(c, s, c->operands[i], &l, e);
		if (rc == 0)
			rc = image_untag(s, l.name, e);
		if (rc == 0)
			printf("Untagged: %s\n", image_name_familiar(l.name));
	}
	return rc;
}

static int exists_run(struct verb_call *c, struct dv_err *e)
{
	auto_store struct image_store *s = NULL;
	struct list l;
	struct dv_err why = DV_ERR_NONE;
	int rc = store_open(c, &s, e);

	if (rc < 0)
		return rc;
	rc = list_read(c, s, c->operands[0], &l, &why);
	if (rc < 0 && rc != -DV_NOT_FOUND) {
		*e = why;
		return rc;
	}
	return rc < 0 ? 1 : 0;
}

/* --- inspect --- */

static int inspect_show(struct verb_call *c, struct source *s, struct dv_err *e)
{
	const struct manifest_args *x = c->args;
	struct manifest_info m;
	struct document doc;
	struct json *tree;
	int rc = source_document(s, c->arena, NULL, &doc, e);

	if (rc == 0)
		rc = manifest_info_parse(c->arena, doc.text, doc.len, doc.media_type, &m, e);
	if (rc == 0 && x->config && m.kind != MANIFEST_CLASS_IMAGE)
		return dv_fail(e, DV_INVALID, "%s is no image of one platform: it has no configuration", c->operands[0]);
	if (rc == 0 && x->config)
		rc = source_bytes(s, c->arena, &m.refs[0], IMAGE_CONFIG_MAX, &doc.text, &doc.len, e);
	if (rc == 0 && !x->raw)
		rc = json_parse(c->arena, doc.text, doc.len, &tree, e);
	if (rc < 0)
		return rc;
	if (x->raw)
		(void)fwrite(doc.text, 1, doc.len, stdout);
	else
		printf("%s\n", json_text(c->arena, tree, JSON_PRETTY));
	return 0;
}

static int inspect_run(struct verb_call *c, struct dv_err *e)
{
	const struct manifest_args *x = c->args;
	auto_store struct image_store *store = NULL;
	auto_source struct source *s = NULL;
	struct list l = { .a = c->arena };
	struct adding k = { c, x, &l, NULL };
	struct place_options o;
	struct place p;
	int rc = store_open(c, &store, e);

	l.store = store;
	if (rc == 0)
		rc = place_args_apply(&x->place, c->arena, &o, e);
	o.store = store;
	if (rc == 0)
		rc = place_of(&k, c->operands[0], &p, e);
	if (rc == 0)
		rc = source_open(&p, &o, &s, e);
	return rc < 0 ? rc : inspect_show(c, s, e);
}

/* --- push --- */

static const char *const push_formats[] = { "oci", "v2s2", NULL };

static int push_list(struct verb_call *c, struct image_store *store, const struct list *l, struct dv_err *e)
{
	const struct manifest_args *x = c->args;
	const char *to = c->n_operands > 1 ? c->operands[1] : c->operands[0];
	const bool list_only = x->push_all && streq(x->push_all, "false");
	auto_blobshow struct blobshow *show = blobshow_new(NULL, x->quiet);
	struct copy_options o = { .which = list_only ? COPY_INDEX_ONLY : COPY_ALL, .retries = 2, .events = blobshow_events(show) };
	auto_source struct source *s = NULL;
	auto_dest struct dest *d = NULL;
	struct place_options po, here = { .store = store };
	struct document doc;
	struct place from, at;
	char text[DIGEST_TEXT_SIZE];
	int rc = place_make(c->arena, "davit", l->name, NULL, &from, e);

	if (x->format)
		o.format = streq(x->format, "oci") ? COPY_FORMAT_OCI : COPY_FORMAT_DOCKER;
	if (rc == 0)
		rc = place_parse(c->arena, to, &at, e);
	if (rc == 0)
		rc = place_args_apply(&x->place, c->arena, &po, e);
	po.store = store;
	if (rc == 0)
		rc = source_open(&from, &here, &s, e);
	if (rc == 0)
		rc = dest_open(&at, &po, &d, e);
	if (rc == 0)
		rc = copy_image(s, d, &o, c->arena, &doc, e);
	if (rc == 0)
		rc = dest_commit(d, e);
	if (rc == 0)
		printf("%s\n", digest_text(&doc.digest, text));
	if (rc == 0 && x->digestfile)
		rc = file_replace(AT_FDCWD, x->digestfile, 0644, text, strlen(text), false, e);
	return rc;
}

static int push_run(struct verb_call *c, struct dv_err *e)
{
	struct manifest_args *x = c->args;
	auto_store struct image_store *s = NULL;
	struct list l;
	int rc = store_open(c, &s, e);

	if (rc == 0)
		rc = list_read(c, s, c->operands[0], &l, e);
	if (rc == 0)
		rc = push_list(c, s, &l, e);
	return rc == 0 && x->rm ? image_untag(s, l.name, e) : rc;
}

/* --- rows --- */

static const struct opt create_opts[] = {
	OPT_ALL("Of an index, all its entries"),
	{ .name = "amend", .letter = 'a', .kind = OPT_BOOL, .offset = A(amend), .help = "Add to a list that exists" },
	PLACE_OPTS(struct manifest_args, place, "", "registry"), { 0 }
};
static const struct opt add_opts[] = {
	OPT_ALL("Of an index, all its entries"), OPTS_PLATFORM, PLACE_OPTS(struct manifest_args, place, "", "registry"), { 0 }
};
static const struct opt annotate_opts[] = { OPTS_PLATFORM, { 0 } };
static const struct opt inspect_opts[] = {
	{ .name = "raw", .kind = OPT_BOOL, .offset = A(raw), .help = "The bytes as they are" },
	{ .name = "config", .kind = OPT_BOOL, .offset = A(config), .help = "The configuration of the image instead" },
	PLACE_OPTS(struct manifest_args, place, "", "registry"), { 0 }
};
static const struct opt push_opts[] = {
	{ .name = "all", .kind = OPT_STR, .flags = OPT_OPTIONAL, .arg = "BOOL", .values = place_args_bool, .offset = A(push_all),
	  .help = "Push the images of the list with it (default true)" },
	{ .name = "rm", .kind = OPT_BOOL, .offset = A(rm), .help = "Remove the list here when it was pushed" },
	{ .name = "format", .letter = 'f', .kind = OPT_STR, .arg = "FORMAT", .values = push_formats, .offset = A(format),
	  .help = "Format of the manifests there" },
	{ .name = "digestfile", .kind = OPT_STR, .arg = "FILE", .offset = A(digestfile), .help = "Write the digest to a file" },
	OPT_QUIET, PLACE_OPTS(struct manifest_args, place, "", "registry"), { 0 }
};

#define SUB(id, what, ops, min, max, text, options) \
	static const struct verb verb_##id = { .name = what, .operands = ops, .operands_min = min, .operands_max = max, \
		.summary = text, .opts = options, .args_size = sizeof(struct manifest_args), .run = id##_run }
SUB(create, "create", "LIST [IMAGE...]", 1, 1000, "Make a manifest list", create_opts);
SUB(add, "add", "LIST IMAGE...", 2, 1000, "Add images to a manifest list", add_opts);
SUB(annotate, "annotate", "LIST IMAGE|DIGEST", 2, 2, "Change what a list says of an image", annotate_opts);
SUB(inspect, "inspect", "LIST|PLACE", 1, 1, "Show a manifest, of the store or of any place", inspect_opts);
SUB(push, "push", "LIST [PLACE]", 1, 2, "Copy a manifest list to a registry or another place", push_opts);
SUB(rm, "rm", "LIST...", 1, 1000, "Remove manifest lists", NULL);
SUB(remove, "remove", "LIST IMAGE|DIGEST", 2, 2, "Take an image out of a manifest list", NULL);
SUB(exists, "exists", "LIST", 1, 1, "Exit with 0 when there is such a list, with 1 otherwise", NULL);

static const struct verb *const subs[] = { &verb_create, &verb_add, &verb_annotate, &verb_inspect, &verb_push, &verb_rm,
					   &verb_remove, &verb_exists, NULL };
const struct verb imageverb_manifest = { .name = "manifest", .summary = "Make and push manifest lists", .subs = subs };
