# What `make install` puts where: programs that run from there, man pages of every command, completion.
load lib

@test "installed: programs find each other, man pages and completion are there" {
	DESTDIR=$T run -0 meson install -C "$DAVIT_BUILD" --no-rebuild --quiet
	at=$T$(python3 -c 'import json, subprocess, sys
options = json.loads(subprocess.check_output(["meson", "introspect", "--buildoptions", sys.argv[1]]))
print(next(o["value"] for o in options if o["name"] == "prefix"))' "$DAVIT_BUILD")
	run -0 "$at/bin/davit" --root "$T/root" --runroot "$T/run" pull --help    # another program's verb
	[[ $output == *"davit pull"* ]]
	for page in davit davit-run davit-container-ps davit-pull davit-registry-serve davit-oci davit-oci-create; do
		grep -q '^\.TH ' "$at/share/man/man1/$page.1"
	done
	# Every command that help names has its page.
	for word in $(davit --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p'); do
		[ -s "$at/share/man/man1/davit-$word.1" ] || { echo "no page of $word"; return 1; }
	done
	[ -s "$at/share/bash-completion/completions/davit" ]
	[ -s "$at/share/zsh/site-functions/_davit-oci" ]
	[ -s "$at/share/fish/vendor_completions.d/davit.fish" ]
	run -0 bash -c ". $at/share/bash-completion/completions/davit && complete -p davit"
}
