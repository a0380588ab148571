/* placeopts.c - from the options of a command line to those of a place. */
#include "base/str.h"
#include "imagecli/placeopts.h"

const char *const place_args_bool[] = { "true", "false", NULL };

int place_args_apply(const struct place_args *args, struct arena *a, struct place_options *ret, struct dv_err *e)
{
	*ret = (struct place_options){ .authfile = args->authfile, .creds = args->creds, .cert_dir = args->cert_dir,
				       .registry_token = args->registry_token, .no_creds = args->no_creds };
	if (args->tls_verify)
		ret->tls = streq(args->tls_verify, "false") ? PLACE_TLS_INSECURE : PLACE_TLS_VERIFY;
	if (!args->username != !args->password)
		return dv_fail(e, DV_INVALID, "a user name wants a password, and the other way round");
	if (args->username)
		ret->creds = arena_printf(a, "%s:%s", args->username, args->password);
	return 0;
}
