# shellcheck shell=bash
# What the scripts share. Sourced, after `set -euo pipefail`.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*"; }
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# The comment at the head of the calling script is its help.
help_and_exit() {
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
  exit 0
}

# Cores that this process may run on.
cores() { nproc 2>/dev/null || getconf _NPROCESSORS_ONLN; }

# Runs a command and shows its output only if it fails.
quietly() {
  local log status=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 </dev/null || status=$?
  [ $status -eq 0 ] || cat "$log" >&2
  rm -f "$log"
  return $status
}

in_root() { (cd "$root" && "$@"); }

# compile PRESET TARGETS...: configures and builds. Where there is ccache, clones in different folders share its results.
compile() {
  local preset=$1 quiet=()
  shift
  [ -t 1 ] || quiet=(-- --quiet) # no terminal: no progress
  quietly in_root cmake --preset "$preset" || die "configuring failed; what CMake says is above"
  CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1 in_root cmake --build --preset "$preset" --parallel "$(cores)" --target "$@" \
    "${quiet[@]}" ||
    die "building failed; what the compiler says is above"
}

build_folder() {
  case $1 in
    default) say "$root/build" ;;
    debug | asan | tsan) say "$root/build-$1" ;;
    *) die "unknown preset '$1': it is one of default, debug, asan, tsan" ;;
  esac
}
