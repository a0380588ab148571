#!/usr/bin/python3
"""run - boot a virtual machine with Debian's kernel and run suites in it; prints TAP.

    run.py [SUITE...]          (default: all of tests/vm/suite)

The test machine has cgroup v1 and no AppArmor; this machine has cgroup v2 and
AppArmor, in software emulation. The kernel's package is unpacked below the
build tree and never installed. RUNTIME=/usr/sbin/runc runs the suites with
another runtime than the tree's davit-oci (its shared libraries go along), to
tell a wrong test from a wrong runtime.
"""
import glob
import gzip
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get('DAVIT_BUILD') or os.path.join(SOURCE, 'build')
WORK = os.path.join(BUILD, 'vm')
QEMU = 'qemu-system-x86_64'
SECONDS_MAX = 1200       # below the time-out of the Meson test
MODULES = ['overlay', 'erofs', 'loop', 'veth', 'bridge', 'vxlan', 'tun', 'nf_tables', 'nft_chain_nat', 'nft_nat', 'nft_masq',
           'nft_ct', 'nft_reject_inet', 'nft_fib_inet', 'nft_numgen', 'br_netfilter']
BINARIES = ['busybox', 'jq', 'apparmor_parser']
UNIT_TESTS = ['oci-cgroup_test', 'oci-cgroup_v2_test', 'oci-seccomp_load_test']      # of src/oci, on another kernel
LAYER_FILES = ['davit', 'davit-image', 'davit-monitor', 'src/engine/engine-overlay_test']    # of layers.sh


class Skip(Exception):
    """Something that this machine lacks."""


def run(argv, **options):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options).stdout


def find(program):
    path = shutil.which(program, path=os.environ.get('PATH', '') + ':/usr/sbin:/sbin')
    if not path:
        raise Skip(f'{program} is missing')
    return path


# --- the kernel ---

def download_kernel(folder):
    """Unpack the package that linux-image-cloud-amd64 depends on."""
    depends = run(['apt-cache', 'depends', 'linux-image-cloud-amd64'])
    package = re.search(r'Depends: (linux-image-\S+)', depends)
    if not package:
        raise Skip('apt knows no linux-image-cloud-amd64')
    os.makedirs(folder + '.new', exist_ok=True)
    run(['apt-get', 'download', '-q', '-o', 'APT::Sandbox::User=root', package.group(1)], cwd=folder + '.new')
    deb = glob.glob(folder + '.new/*.deb')[0]
    run(['dpkg-deb', '-x', deb, folder + '.new'])
    os.unlink(deb)
    os.rename(folder + '.new', folder)


def kernel():
    """(image, folder of the modules, version), from the build tree if it is there."""
    folder = os.path.join(WORK, 'kernel')
    if not os.path.isdir(folder):
        shutil.rmtree(folder + '.new', ignore_errors=True)
        try:
            download_kernel(folder)
        except (subprocess.CalledProcessError, Skip):
            try:
                run(['apt-get', 'update', '-qq'])
                download_kernel(folder)
            except subprocess.CalledProcessError as e:
                raise Skip('the kernel package cannot be had: ' + (e.stderr.strip().splitlines() or ['?'])[-1]) from e
    version = os.listdir(os.path.join(folder, 'lib/modules'))[0]
    if not os.path.exists(os.path.join(folder, 'lib/modules', version, 'modules.dep.bin')):
        run([find('depmod'), '-b', folder, version])
    return os.path.join(folder, 'boot/vmlinuz-' + version), folder, version


def modules(folder, version):
    """Paths of the module files in the order of loading."""
    paths = []
    for name in MODULES:
        out = run([find('modprobe'), '-C', '/dev/null', '-d', folder, '-S', version, '--show-depends', name])
        for path in re.findall(r'^insmod (\S+)', out, re.M):
            if path not in paths:
                paths.append(path)
    return paths


# --- the initrd ---

def copy_program(path, root, to):
    """The program, and the shared libraries it wants, at the same paths."""
    os.makedirs(os.path.dirname(root + to), exist_ok=True)
    shutil.copy(path, root + to)
    r = subprocess.run(['ldd', path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    for library in re.findall(r'(/\S+) \(0x', r.stdout):
        if not os.path.exists(root + library):
            os.makedirs(os.path.dirname(root + library), exist_ok=True)
            shutil.copy(library, root + library)


def find_ours():
    path = os.path.join(BUILD, 'davit-oci')
    return path if os.path.exists(path) else None


def make_root(root, suites, folder, version):
    shutil.rmtree(root, ignore_errors=True)
    for name in ('bin', 'sbin', 'etc', 'lib', 'lib64', 'usr', 'vm/modules'):
        os.makedirs(os.path.join(root, name))
    for name in BINARIES:
        copy_program(find(name), root, '/bin/' + name)
    ours = find_ours()
    if ours:
        copy_program(ours, root, '/vm/davit-oci')
    runtime = os.environ.get('RUNTIME') or ours
    if runtime:
        copy_program(runtime, root, '/vm/runtime')
    for name in UNIT_TESTS:
        if os.path.exists(os.path.join(BUILD, 'src/oci', name)):
            copy_program(os.path.join(BUILD, 'src/oci', name), root, '/vm/unit/' + name)
    for name in LAYER_FILES:
        if os.path.exists(os.path.join(BUILD, name)):
            copy_program(os.path.join(BUILD, name), root, '/vm/' + os.path.basename(name))
    order = modules(folder, version)
    for path in order:
        shutil.copy(path, root + '/vm/modules')
    with open(root + '/vm/modules/order', 'w', encoding='utf-8') as f:
        f.write(''.join(os.path.basename(p) + '\n' for p in order))
    with open(root + '/vm/suites', 'w', encoding='utf-8') as f:
        f.write('\n'.join(suites) + '\n')
    shutil.copytree(os.path.join(HERE, 'suite'), root + '/vm/suite')
    shutil.copy(os.path.join(HERE, 'guest/lib.sh'), root + '/vm/lib.sh')
    shutil.copy(os.path.join(SOURCE, 'tests/lib/config.json'), root + '/vm/config.json')
    shutil.copy(os.path.join(HERE, 'guest/init'), root + '/init')
    os.chmod(root + '/init', 0o755)


def make_initrd(root, path):
    names = '\0'.join(os.path.relpath(os.path.join(d, n), root) for d, ds, fs in os.walk(root) for n in ds + fs)
    cpio = subprocess.run([find('cpio'), '-o', '-0', '-H', 'newc', '--quiet', '-R', '0:0'], cwd=root, input=names.encode(),
                          stdout=subprocess.PIPE, check=True).stdout
    with gzip.open(path, 'wb', compresslevel=1) as f:
        f.write(cpio)


# --- the machine ---

class Tap:
    """Lines of the console to TAP."""

    def __init__(self):
        self.count = 0
        self.failed = 0
        self.ended = False

    def test(self, good, name):
        self.count += 1
        self.failed += not good
        print(f'{"ok" if good else "not ok"} {self.count} {name}', flush=True)

    def line(self, line):
        m = re.match(r'VM (ok|not ok|note|end)\b ?(.*)', line)
        if not m:
            print('# console: ' + line, flush=True)
        elif m.group(1) == 'note':
            print('# ' + m.group(2), flush=True)
        elif m.group(1) == 'end':
            self.ended = True
        else:
            self.test(m.group(1) == 'ok', m.group(2))


def boot(image, initrd, tap):
    begin = time.monotonic()
    # one thread: with one per processor the guest's kernel locked up in a few runs of a hundred containers
    argv = [QEMU, '-M', 'q35', '-accel', 'tcg,thread=single', '-cpu', 'max', '-smp', '2',
            '-m', '1024', '-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-serial', 'stdio', '-kernel', image,
            '-initrd', initrd, '-append',
            'console=ttyS0 quiet panic=-1 apparmor=1 security=apparmor mitigations=off']
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as p:
        guard = threading.Timer(SECONDS_MAX, p.kill)
        guard.start()
        signal.signal(signal.SIGTERM, lambda *_: p.kill())
        for line in p.stdout:
            text = line.decode(errors='replace').strip('\r\n')
            if text:
                tap.line(re.sub(r'\x1b\[[0-9;?]*[A-Za-z]|\x1bc', '', text))
        guard.cancel()
    if not tap.ended:
        tap.test(False, f'the machine reached its end (qemu: exit status {p.returncode})')
    print(f'# {time.monotonic() - begin:.1f} s in the machine')


def main():
    suites = sys.argv[1:] or sorted(n[:-3] for n in os.listdir(os.path.join(HERE, 'suite')) if n.endswith('.sh'))
    try:
        find(QEMU)
        image, folder, version = kernel()
        make_root(os.path.join(WORK, 'root'), suites, folder, version)
        make_initrd(os.path.join(WORK, 'root'), os.path.join(WORK, 'initrd.gz'))
    except Skip as e:
        print(f'1..0 # SKIP {e}')
        return 0
    tap = Tap()
    boot(image, os.path.join(WORK, 'initrd.gz'), tap)
    print(f'1..{tap.count}')
    return 1 if tap.failed else 0


if __name__ == '__main__':
    sys.exit(main())
