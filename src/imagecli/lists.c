/* lists.c - list-tags, delete: small questions to places. */
#include <stdio.h>

#include "base/str.h"
#include "image/name.h"
#include "imagecli/imagecli.h"
#include "imagecli/placeopts.h"
#include "transfer/remote.h"

struct lists_args {
	struct place_args place;
	bool text;
};

static const struct opt lists_opts[] = {
	{ .name = "text", .kind = OPT_BOOL, .offset = offsetof(struct lists_args, text), .help = "A tag on each line, no JSON" },
	PLACE_OPTS(struct lists_args, place, "", "registry"),
	{ 0 }
};

static int tags_of(struct verb_call *c, struct place *p, const char ***ret, struct dv_err *e)
{
	const struct lists_args *args = c->args;
	auto_source struct source *s = NULL;
	struct place_options o;
	int rc = place_parse(c->arena, c->operands[0], p, e);

	if (rc == 0)
		rc = place_args_apply(&args->place, c->arena, &o, e);
	if (rc == 0)
		rc = source_open(p, &o, &s, e);
	return rc < 0 ? rc : source_tags(s, c->arena, ret, e);
}

static int list_tags_run(struct verb_call *c, struct dv_err *e)
{
	const struct lists_args *args = c->args;
	struct arena *a = c->arena;
	struct image_name n;
	const char **tags;
	struct place p;
	int rc = tags_of(c, &p, &tags, e);

	if (rc < 0)
		return rc;
	for (; args->text && *tags; tags++)
		printf("%s\n", *tags);
	if (args->text)
		return 0;
	const char *repo = p.path;
	if (streq(place_transport(&p), "docker") && image_name_parse(a, p.path, &n, NULL) == 0)
		repo = arena_printf(a, "%s/%s", n.host, n.path);
	printf("%s\n", json_text(a, json_obj(a, "Repository", json_new_str(a, repo), "Tags", json_new_strs(a, tags), NULL),
				 JSON_PRETTY));
	return 0;
}

const struct verb imageverb_list_tags = {
	.name = "list-tags",
	.operands = "docker://NAME|oci:DIRECTORY|oci-archive:FILE|docker-archive:FILE",
	.operands_min = 1,
	.operands_max = 1,
	.summary = "List the tags of a repository, or the names in an archive",
	.opts = lists_opts,
	.args_size = sizeof(struct lists_args),
	.run = list_tags_run,
};

/* --- delete --- */

static int delete_at(struct verb_call *c, const struct place *p, const struct place_options *o, struct dv_err *e)
{
	static const enum remote_tls tls[] = {
		[PLACE_TLS_CONFIGURED] = REMOTE_TLS_CONFIG, [PLACE_TLS_VERIFY] = REMOTE_TLS_VERIFY,
		[PLACE_TLS_INSECURE] = REMOTE_TLS_INSECURE,
	};
	const struct remote_options ro = { .authfile = o->authfile, .cert_dir = o->cert_dir, .creds = o->creds,
					   .registry_token = o->registry_token, .no_creds = o->no_creds, .tls = tls[o->tls] };
	auto_remote struct remote *r = NULL;
	auto_remote_repo struct remote_repo *repo = NULL;
	struct remote_manifest m;
	struct image_name n;
	char text[DIGEST_TEXT_SIZE];
	int rc = image_name_parse(c->arena, p->path, &n, e);

	if (rc == 0)
		rc = remote_open(&ro, &r, e);
	if (rc == 0)
		rc = remote_repo_open(r, arena_printf(c->arena, "%s/%s", n.host, n.path), REMOTE_PUSH, &repo, e);
	/* Registries take digests: not all of them take tags away. */
	if (rc == 0 && !n.digest)
		rc = remote_manifest_get(repo, n.tag, c->arena, &m, e);
	if (rc < 0)
		return rc;
	return remote_manifest_delete(repo, n.digest ? n.digest : digest_text(&m.digest, text), e);
}

static int delete_run(struct verb_call *c, struct dv_err *e)
{
	const struct lists_args *args = c->args;
	struct place_options o;
	struct place p;
	int rc = place_parse(c->arena, c->operands[0], &p, e);

	if (rc == 0 && !streq(place_transport(&p), "docker"))
		rc = dv_fail(e, DV_UNSUPPORTED, "%s: only registries delete; davit rmi removes from the store", p.text);
	if (rc == 0)
		rc = place_args_apply(&args->place, c->arena, &o, e);
	return rc < 0 ? rc : delete_at(c, &p, &o, e);
}

const struct verb imageverb_delete = {
	.name = "delete",
	.operands = "docker://NAME",
	.operands_min = 1,
	.operands_max = 1,
	.summary = "Delete a manifest from a registry, with every tag of it",
	.opts = lists_opts + 1,
	.args_size = sizeof(struct lists_args),
	.run = delete_run,
};
