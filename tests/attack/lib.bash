# lib.bash - so that tests/it/oci.bash finds its own.
source "${BASH_SOURCE[0]%/*}/../it/lib.bash"
