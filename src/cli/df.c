/* df.c - system df: what images, containers and volumes take on disk, and how much of it nobody uses.
 *
 * A layer that several images share is counted once in the sum, and in the table of images as shared.
 */
#include <stdio.h>

#include "base/map.h"
#include "base/str.h"
#include "cli/ps.h"
#include "engine/life.h"
#include "engine/usage.h"
#include "engine/volume.h"
#include "image/name.h"
#include "ui/template.h"

struct df_args {
	bool verbose;
	const char *format;
};
static const struct opt df_opts[] = {
	{ .name = "verbose", .letter = 'v', .kind = OPT_BOOL, .offset = offsetof(struct df_args, verbose),
	  .help = "Every image, container and volume" },
	{ .name = "format", .kind = OPT_STR, .arg = "TEMPLATE", .offset = offsetof(struct df_args, format),
	  .help = "table, json, or a template such as '{{.Type}} {{.Size}}'" },
	{ 0 }
};

struct sum {
	uint64_t total, active, size, unused;
};
struct layer {
	uint64_t size;
	unsigned images;
	bool active;            /* a container has an image of it */
};
struct df {
	struct engine *g;
	struct arena *a;
	struct image_list images;
	struct ctr_list ctrs;
	struct volume_list volumes;
	struct map *layers;     /* by directory: struct layer */
	struct sum image, container, volume;
	uint64_t blobs, blob_bytes;
	struct json *image_rows, *container_rows, *volume_rows;
};

/* --- images --- */

static size_t users_of(const struct df *d, const struct image *img)
{
	size_t n = 0;

	for (size_t i = 0; i < d->ctrs.n; i++)
		n += streq(d->ctrs.v[i]->image, img->id);
	return n;
}

static void note_layers(struct df *d, const struct image *img, bool active)
{
	for (size_t i = 0; i < img->n_layers; i++) {
		struct layer *l = map_get(d->layers, img->layers[i].dir);

		if (!l) {
			l = arena_new(d->a, struct layer);
			l->size = img->layers[i].size;
			(void)map_set(d->layers, img->layers[i].dir, l);
		}
		l->images++;
		l->active = l->active || active;
	}
}

static void image_row(struct df *d, const struct image *img, const char *name, size_t users)
{
	const char *familiar = name ? image_name_familiar(name) : NULL, *colon = familiar ? strrchr(familiar, ':') : NULL;
	struct arena *a = d->a;
	uint64_t shared = 0;

	for (size_t i = 0; i < img->n_layers; i++) {
		const struct layer *l = map_get(d->layers, img->layers[i].dir);

		shared += l->images > 1 ? l->size : 0;
	}
	json_append(a, d->image_rows,
		    json_obj(a, "Repository", json_new_str(a, colon ? arena_strn(a, familiar, (size_t)(colon - familiar)) : "<none>"),
			     "Tag", json_new_str(a, colon ? colon + 1 : "<none>"), "ID",
			     json_new_str(a, cli_short_id(a, img->id, false)), "CreatedSince",
			     json_new_str(a, human_ago(a, img->created)), "CreatedAt", json_new_str(a, human_time(a, img->created)),
			     "Size", json_new_str(a, str_human(a, img->size, false)), "SharedSize",
			     json_new_str(a, str_human(a, shared, false)), "UniqueSize",
			     json_new_str(a, str_human(a, img->size > shared ? img->size - shared : 0, false)), "Containers",
			     json_new_str(a, arena_printf(a, "%zu", users)), NULL));
}

static void count_images(struct df *d)
{
	size_t *users = arena_array(d->a, size_t, d->images.n + 1), pos = 0;
	const char *dir;
	void *v;

	for (size_t i = 0; i < d->images.n; i++) {
		users[i] = users_of(d, d->images.v[i]);
		d->image.active += users[i] > 0;
		note_layers(d, d->images.v[i], users[i] > 0);
	}
	d->image.total = d->images.n;
	while (map_next(d->layers, &pos, &dir, &v)) {
		const struct layer *l = v;

		d->image.size += l->size;
		d->image.unused += l->active ? 0 : l->size;
	}
	for (size_t i = 0; i < d->images.n; i++) {
		const char **name = d->images.v[i]->names;

		do
			image_row(d, d->images.v[i], *name, users[i]);
		while (*name && *++name);
	}
}

/* --- containers and volumes --- */

static void count_containers(struct df *d)
{
	for (size_t i = 0; i < d->ctrs.n; i++) {
		const struct ctr *c = d->ctrs.v[i];
		uint64_t size = usage_of_container(d->g, d->a, c->id);
		struct ps_item item = ps_item_of(d->a, c);
		struct json *row = ps_row(d->g, d->a, &item, 0);
		bool active = c->status == CTR_RUNNING;

		json_set(d->a, row, "Size", json_new_str(d->a, str_human(d->a, size, false)));
		json_append(d->a, d->container_rows, row);
		d->container.total++;
		d->container.active += active;
		d->container.size += size;
		d->container.unused += active ? 0 : size;
	}
}

static int count_volumes(struct df *d, struct dv_err *e)
{
	struct arena *a = d->a;

	for (size_t i = 0; i < d->volumes.n; i++) {
		const struct volume *v = d->volumes.v[i];
		const char **users;
		uint64_t size = 0;
		size_t n;
		int r = volume_users(d->g, a, v->name, &users, &n, e);

		if (r < 0)
			return r;
		dv_ignore(volume_usage(d->g, v->name, &size, NULL));
		json_append(a, d->volume_rows,
			    json_obj(a, "Name", json_new_str(a, v->name), "Driver", json_new_str(a, "local"), "Links",
				     json_new_str(a, arena_printf(a, "%zu", n)), "Size", json_new_str(a, str_human(a, size, false)),
				     "Mountpoint", json_new_str(a, v->mountpoint), "Scope", json_new_str(a, "local"), NULL));
		d->volume.total++;
		d->volume.active += n > 0;
		d->volume.size += size;
		d->volume.unused += n ? 0 : size;
	}
	return 0;
}

/* --- all of it --- */

static int count_blobs(struct df *d, struct dv_err *e)
{
	DB_STMT(q);
	int r = db_query(engine_db(d->g), &q, e, "SELECT count(*), coalesce(sum(size), 0) FROM blobs", "");

	if (r >= 0 && (r = db_row(q, e)) > 0) {
		d->blobs = (uint64_t)db_i64(q, 0);
		d->blob_bytes = (uint64_t)db_i64(q, 1);
	}
	return r < 0 ? r : 0;
}

static int gather(struct df *d, struct dv_err *e)
{
	int r;

	d->image_rows = json_new_array(d->a);
	d->container_rows = json_new_array(d->a);
	d->volume_rows = json_new_array(d->a);
	if ((r = image_list_with(engine_images(d->g), d->a, IMAGE_LIST_LAYERS, &d->images, e)) < 0 ||
	    (r = life_list(d->g, d->a, &d->ctrs, e)) < 0 || (r = volume_list(d->g, d->a, &d->volumes, e)) < 0 ||
	    (r = count_blobs(d, e)) < 0)
		return r;
	d->layers = map_new();
	count_images(d);
	count_containers(d);
	r = count_volumes(d, e);
	map_free(take_ptr(&d->layers), NULL);
	return r;
}

static void sum_row(struct arena *a, struct json *rows, const char *type, const struct sum *s)
{
	const char *share = s->size ? arena_printf(a, " (%llu%%)", (unsigned long long)(s->unused * 100 / s->size)) : "";

	json_append(a, rows,
		    json_obj(a, "Type", json_new_str(a, type), "TotalCount",
			     json_new_str(a, arena_printf(a, "%llu", (unsigned long long)s->total)), "Active",
			     json_new_str(a, arena_printf(a, "%llu", (unsigned long long)s->active)), "Size",
			     json_new_str(a, str_human(a, s->size, false)), "Reclaimable",
			     json_new_str(a, arena_printf(a, "%s%s", str_human(a, s->unused, false), share)), NULL));
}

static struct json *header_of(struct arena *a, const char *const (*names)[2])
{
	struct json *h = json_new_object(a);

	for (; (*names)[0]; names++)
		json_set(a, h, (*names)[0], json_new_str(a, (*names)[1]));
	return h;
}

static int show_sums(struct df *d, const char *format, struct dv_err *e)
{
	static const char *const names[][2] = { { "Type", "TYPE" }, { "TotalCount", "TOTAL" }, { "Active", "ACTIVE" },
						{ "Size", "SIZE" }, { "Reclaimable", "RECLAIMABLE" }, { NULL, NULL } };
	const struct sum none = { 0 };
	struct json *rows = json_new_array(d->a);

	sum_row(d->a, rows, "Images", &d->image);
	sum_row(d->a, rows, "Containers", &d->container);
	sum_row(d->a, rows, "Local Volumes", &d->volume);
	sum_row(d->a, rows, "Build Cache", &none);
	if (!format || streq(format, "table"))
		format = "table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}";
	return format_rows(d->a, format, header_of(d->a, names), rows, stdout, true, e);
}

static int show_all(struct df *d, struct dv_err *e)
{
	static const char *const names[][2] = {
		{ "Repository", "REPOSITORY" }, { "Tag", "TAG" }, { "CreatedSince", "CREATED" }, { "SharedSize", "SHARED SIZE" },
		{ "UniqueSize", "UNIQUE SIZE" }, { "Containers", "CONTAINERS" }, { "Size", "SIZE" }, { "Image", "IMAGE" },
		{ "Command", "COMMAND" }, { "LocalVolumes", "LOCAL VOLUMES" }, { "RunningFor", "CREATED" }, { "Status", "STATUS" },
		{ "Names", "NAMES" }, { "Name", "VOLUME NAME" }, { "Links", "LINKS" }, { NULL, NULL }
	};
	const struct {
		const char *title, *id, *format;
		const struct json *rows;
	} parts[] = {
		{ "Images space usage:", "IMAGE ID",
		  "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}",
		  d->image_rows },
		{ "\nContainers space usage:", "CONTAINER ID",
		  "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}",
		  d->container_rows },
		{ "\nLocal Volumes space usage:", "", "table {{.Name}}\t{{.Links}}\t{{.Size}}", d->volume_rows },
	};
	struct json *h = header_of(d->a, names);
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(parts); i++) {
		printf("%s\n\n", parts[i].title);
		json_set(d->a, h, "ID", json_new_str(d->a, parts[i].id));
		r = format_rows(d->a, parts[i].format, h, parts[i].rows, stdout, true, e);
	}
	if (r >= 0)
		printf("\nBuild cache usage: 0B\n\nBlobs space usage: %s in %llu\n", str_human(d->a, d->blob_bytes, false),
		       (unsigned long long)d->blobs);
	return r;
}

static int df_run(struct verb_call *c, struct dv_err *e)
{
	const struct df_args *x = c->args;
	struct df d = { .a = c->arena };
	auto_engine struct engine *g = NULL;
	int r;

	if ((r = cli_engine(c, &g, e)) < 0)
		return r;
	d.g = g;
	if ((r = gather(&d, e)) < 0)
		return r;
	if (!x->verbose)
		return show_sums(&d, x->format, e);
	if (!x->format || streq(x->format, "table"))
		return show_all(&d, e);
	return cli_show(c, x->format,
			json_obj(c->arena, "Images", d.image_rows, "Containers", d.container_rows, "Volumes", d.volume_rows, "BuildCache",
				 json_new_array(c->arena), NULL), e);
}

static const char *const df_examples[] = { "davit system df", "davit system df -v", "davit system df --format '{{.Type}} {{.Size}}'", NULL };
const struct verb verb_df = {
	.name = "df", .summary = "Show the disk space that images, containers and volumes take",
	.description = "Images are the files of all layers, each counted once. Reclaimable is what no container uses. With --verbose also the "
		       "blobs, which are the layers as they came, kept to push and to repair.",
	.examples = df_examples, .opts = df_opts, .args_size = sizeof(struct df_args), .run = df_run,
};
