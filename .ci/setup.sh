# Sourced by ./mewe and ./test: what both need before they can build or run. Everything here is quiet where nothing is missing.
# shellcheck shell=bash

say() { printf 'mewe: %s\n' "$*" >&2; }

need_dotnet() {
  command -v dotnet >/dev/null || { say "the .NET SDK 10 is missing; install it (package dotnet-sdk-10.0) and try again"; exit 69; }
  export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
}

# V8: the pinned node of package.json, in node_modules. Another one can be named with MEWE_NODE.
need_node() {
  local root=$1
  [ -n "${MEWE_NODE:-}" ] && return 0
  [ -x "$root/node_modules/node/bin/node" ] && [ ! "$root/package-lock.json" -nt "$root/node_modules/.package-lock.json" ] && return 0
  if ! command -v npm >/dev/null; then
    say "npm is missing: installing nodejs and npm with apt-get"
    as_root apt-get -qq update && as_root apt-get -qq install -y nodejs npm >/dev/null \
      || { say "could not install npm; install Node.js with npm, or name a node 24 or later with MEWE_NODE"; exit 69; }
  fi
  say "fetching the WebAssembly engine (npm package 'node', once)"
  (cd "$root" && npm ci --no-audit --no-fund --loglevel=error >&2) \
    || say "npm could not fetch it; falling back to the node on PATH"
}

# The solver that proves variants equal. Another libz3 (4.8.12 or later) can be named with MEWE_Z3. Without one everything still runs, and variants are tested, not proved.
need_z3() {
  [ -n "${MEWE_Z3:-}" ] && return 0
  local ldconfig
  ldconfig=$(command -v ldconfig || echo /sbin/ldconfig)
  "$ldconfig" -p 2>/dev/null | grep 'libz3\.so' >/dev/null && return 0
  say "libz3 is missing: installing libz3-4 with apt-get (once)"
  { as_root apt-get -qq update && as_root apt-get -qq install -y libz3-4 >/dev/null; } \
    || say "could not install libz3-4; install libz3, or name it with MEWE_Z3: until then nothing that needs the solver is proved"
}

# The second engine: the library that lies beside the repository for tests, unpacked once. Another one can be named with MEWE_LIBWASMTIME. Without one the tests that need it say that they did not run.
need_wasmtime() {
  local root=$1 archive=$2 folder=$1/artifacts/wasmtime
  [ -n "${MEWE_LIBWASMTIME:-}" ] && return 0
  [ -f "$archive" ] || return 0
  if [ ! "$folder/libwasmtime.so" -nt "$archive" ]; then
    mkdir -p "$folder" && tar -xJmf "$archive" -C "$folder" || { say "could not unpack $archive"; return 0; }
  fi
  export MEWE_LIBWASMTIME=$folder/libwasmtime.so
}

# The server that tests and benchmarks of the cluster's store start for themselves, in a folder of their own. Another one can be named with MEWE_POSTGRES (a folder with initdb and postgres). Without one
# the tests that need it say that they did not run.
need_postgres() {
  [ -n "${MEWE_POSTGRES:-}" ] && return 0
  command -v initdb >/dev/null && return 0
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && return 0
  say "PostgreSQL is missing: installing postgresql with apt-get (once)"
  { as_root apt-get -qq update && as_root apt-get -qq install -y postgresql >/dev/null; } \
    || say "could not install postgresql; install it, or name its programs with MEWE_POSTGRES: until then nothing that needs it is tested"
}

# A program, and the Debian package that brings it.
need_command() {
  command -v "$1" >/dev/null && return 0
  say "$1 is missing: installing $2 with apt-get"
  as_root apt-get -qq update && as_root apt-get -qq install -y "$2" >/dev/null || { say "could not install $2"; exit 69; }
}

# The packages that a build did not find, by its log; nothing where it failed for another reason.
missing_packages() {
  {
    sed -nE 's/.*error NU110[123]: Unable to find (a stable )?package ([A-Za-z0-9._-]*[A-Za-z0-9_-]).*/\2/p' "$1"
    # Another version is there; that is not what was tested.
    sed -nE 's/.*error NU1603: .*depends on .* but ([A-Za-z0-9._-]+) ([0-9][A-Za-z0-9.-]*) was not found.*/\1 \2/p' "$1"
  } | sort -u | paste -sd ',' - | sed 's/,/, /g'
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# The newest source decides whether to build. Directories count too, so that a deleted file is noticed.
changed_since() {
  local stamp=$1 root=$2
  [ -e "$stamp" ] || return 0
  [ -n "$(find "$root"/engine "$root"/store "$root"/grains "$root"/silo "$root"/client "$root"/Directory.*.props "$root"/global.json \
    \( -name bin -o -name obj \) -prune -o -newer "$stamp" -print -quit 2>/dev/null)" ]
}
