# Sourced by .ci/run and .ci/deep: how a job is run, timed, skipped, and where tools are kept.
set -euo pipefail
SCRIPT=$(realpath "$0")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0 CARGO_NET_RETRY=5
# No debug information: a third of the time to build.
export CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_TEST_DEBUG=0
# No tool may fetch a toolchain or a component by itself.
export RUSTUP_AUTO_INSTALL=0 RUSTUP_DIST_SERVER=file:///nonexistent RUSTUP_UPDATE_ROOT=file:///nonexistent
CACHE=${LIFESPAN_CACHE:-$HOME/.cache/lifespan-ci}
mkdir -p "$CACHE"
FAILED=()
SKIPPED=()

# Runs one job, which is a function of this name, in a process of its own: in a subshell behind `||`
# bash would ignore `set -e`, and a command that fails in the middle of a job.
job() {
  local name=$1 begun=$SECONDS status=0
  echo "::: $name"
  bash "$SCRIPT" --one "$name" </dev/null || status=$?
  if [ $status = 0 ]; then
    echo "::: ok $name, $((SECONDS - begun)) s"
  elif [ $status = 77 ]; then
    echo "::: SKIP $name"
    SKIPPED+=("$name")
  else
    echo "::: FAILED $name, $((SECONDS - begun)) s"
    FAILED+=("$name")
  fi
}

# Ends a job that cannot run here, and says why.
skip() {
  echo "SKIP: $1"
  exit 77
}

# Runs the jobs that were named, or all.
main() {
  if [ "${1:-}" = --one ]; then
    "$2"
    return
  fi
  local jobs=("$@") name
  [ ${#jobs[@]} -gt 0 ] || jobs=("${ALL[@]}")
  for name in "${jobs[@]}"; do job "$name"; done
  echo "::: skipped: ${SKIPPED[*]:-none}"
  echo "::: failed: ${FAILED[*]:-none}, $SECONDS s in all"
  [ ${#FAILED[@]} = 0 ]
}

# The sources of its standard library, unpacked into the same place: debian_source 1.96
debian_source() {
  local home=$CACHE/rust-$1 version
  [ -d "$home/system/usr/lib/rustlib/src/rust/library" ] && return 0
  version=$(apt-cache madison rust-web-src | awk -v want="$1." '$3 ~ "^"want {print $3; exit}')
  [ -n "$version" ] || skip "no rust-web-src $1 in the archive"
  mkdir -p "$home/debs"
  (
    cd "$home/debs"
    apt-get download -qq "rust-web-src=$version"
    for package in *.deb; do dpkg -x "$package" ../system; done
  )
  rm -rf "$home/debs"
}

# Debian's own toolchain of a version, unpacked beside the installed one: debian_toolchain 1.85 19
debian_toolchain() {
  local home=$CACHE/rust-$1 version
  [ -x "$home/rustc" ] && return 0
  command -v apt-get >/dev/null || skip "no apt-get"
  apt-get update -qq || skip "no package lists"
  version=$(apt-cache madison rustc-web | awk -v want="$1." '$3 ~ "^"want {print $3; exit}')
  [ -n "$version" ] || skip "no rustc-web $1 in the archive"
  rm -rf "$home" && mkdir -p "$home/debs"
  (
    cd "$home/debs"
    apt-get download -qq "rustc-web=$version" "cargo-web=$version" \
      "libstd-rust-web-dev=$version" "libstd-rust-web-$1=$version" "libllvm$2" \
      libgit2-1.5 libhttp-parser2.9 libmbedcrypto7 libmbedx509-1 libmbedtls14 libpcre3
    for package in *.deb; do dpkg -x "$package" ../system; done
  )
  rm -rf "$home/debs"
  local tool libraries=$home/system/usr/lib
  for tool in cargo rustdoc rustc; do
    cat >"$home/$tool" <<WRAPPER
#!/bin/bash
export LD_LIBRARY_PATH=$libraries/x86_64-linux-gnu:$home/system/lib/x86_64-linux-gnu:$libraries/llvm-$2/lib
export RUSTC=$home/rustc RUSTDOC=$home/rustdoc
unset RUSTUP_TOOLCHAIN
exec $home/system/usr/bin/$tool "\$@"
WRAPPER
    chmod +x "$home/$tool"
  done
}
