# AppArmor labels: set, enforced, inherited by exec, refused when unknown.
. /vm/lib.sh
need_runtime

cat >/tmp/profile <<'END'
profile davit-vm flags=(attach_disconnected,mediate_deleted) {
  file,
  capability,
  network,
  signal,
  umount,
  mount,
  deny /tmp/forbidden w,
}
END

load() {
	apparmor_parser --replace --skip-cache --quiet /tmp/profile
	has profiles "$(cat /sys/kernel/security/apparmor/profiles)" "davit-vm (enforce)"
}

label() {
	bundle /tmp/aa '.process.apparmorProfile = "davit-vm" | .process.args = ["cat", "/proc/self/attr/current"]'
	is label "$(oci run -b /tmp/aa aa)" "davit-vm (enforce)"
}

enforced() {
	start enforced '.process.apparmorProfile = "davit-vm" | .mounts += [{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}]'
	oci exec enforced touch /tmp/fine
	fails oci exec enforced touch /tmp/forbidden
	is label "$(oci exec enforced cat /proc/self/attr/current)" "davit-vm (enforce)"
	gone enforced
}

unknown() {
	bundle /tmp/unknown '.process.apparmorProfile = "no-such-profile"'
	fails oci run -b /tmp/unknown unknown
	fails test -e $CGROUP/vm/unknown
}

t "a profile is loaded" load
t "the process has the label" label
t "the profile holds, for exec as well" enforced
t "an unknown profile is refused" unknown
