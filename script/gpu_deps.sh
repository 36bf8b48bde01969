# shellcheck shell=bash
# What Trireme's build and its programs need beside CUDA, gathered from installed packages into one archive, and laid out
# on a machine where nothing can be installed. Sourced by gpu-check, after common.sh.

# The parts of the C and C++ runtime that every machine with g++ has.
system_libraries='linux-vdso|ld-linux|lib(c|m|dl|rt|pthread|util|resolv|stdc\+\+|gcc_s|gomp)\.so'

# needed FILES...: the paths of the shared libraries that they load, without the system's.
needed() {
  ldd "$@" 2>/dev/null | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u | grep -vE "/($system_libraries)" || true
}

# copy_library FOLDER NAME: a library under its name for linking and all that it loads, each under the name it is loaded by.
copy_library() {
  local folder=$1 file=$2 other
  cp -Lf "$file" "$folder/lib/$(basename "$file")"
  for other in $(needed "$file"); do cp -Lf "$other" "$folder/lib/$(basename "$other")"; done
}

pack_deps() {
  local target=$1 stage libraries=/usr/lib/x86_64-linux-gnu name file
  stage=$(mktemp -d)
  # shellcheck disable=SC2064 # the folder of now
  trap "rm -rf '$stage'" EXIT
  mkdir -p "$target" "$stage"/{bin,lib/openmpi,lib/cmake,include,share}
  for name in libprotobuf libdnnl libxxhash libpcre2-8 libisal libz libjpeg libpng libmpi; do
    [ -e "$libraries/$name.so" ] || die "no $libraries/$name.so here; script/bootstrap installs what is missing"
    file=$(readlink -f "$libraries/$name.so")
    copy_library "$stage" "$libraries/$(objdump -p "$file" | awk '$1 == "SONAME" { print $2 }')"
    ln -s "$(objdump -p "$file" | awk '$1 == "SONAME" { print $2 }')" "$stage/lib/$name.so"
  done
  cp "$libraries"/libgtest.a "$libraries"/libgtest_main.a "$stage/lib"
  pack_headers "$stage"
  pack_tools "$stage" "$libraries"
  cp "${BASH_SOURCE[0]%.sh}.cmake" "$stage/deps.cmake"
  tar -C "$stage" -c . | gzip -9 >"$target/deps.tar.gz"
  say "$target/deps.tar.gz: $(($(stat -c %s "$target/deps.tar.gz") / 1048576)) MiB"
}

pack_headers() {
  local stage=$1 name
  for name in google CLI nlohmann gtest isa-l xxhash.h xxh_x86dispatch.h xxh3.h pcre2.h zlib.h zconf.h jpeglib.h jconfig.h \
    jmorecfg.h jerror.h png.h pngconf.h pnglibconf.h; do
    if [ -e "/usr/include/$name" ]; then cp -rL "/usr/include/$name" "$stage/include"; fi
    if [ -f "/usr/include/x86_64-linux-gnu/$name" ]; then cp -L "/usr/include/x86_64-linux-gnu/$name" "$stage/include"; fi
  done
  cp -L /usr/include/dnnl*.h /usr/include/x86_64-linux-gnu/dnnl*.h "$stage/include" 2>/dev/null || true
  cp -rL /usr/lib/x86_64-linux-gnu/openmpi/include "$stage/include/openmpi"
  rm -rf "$stage/include/openmpi/openmpi"
  mkdir -p "$stage/share/cmake"
  cp -rL /usr/share/cmake/CLI11 /usr/share/cmake/nlohmann_json "$stage/share/cmake"
}

# The compiler of job descriptions and what starts ranks. Of Open MPI's parts, those that need nothing more.
pack_tools() {
  local stage=$1 libraries=$2 tool part other ours
  for tool in protoc orterun orted; do
    file=$(readlink -f "$(command -v "$tool")") || die "no $tool here; script/bootstrap installs what is missing"
    cp "$file" "$stage/bin/$tool"
    for other in $(needed "$file"); do cp -Lf "$other" "$stage/lib/$(basename "$other")"; done
  done
  ln -s orterun "$stage/bin/mpirun"
  for part in "$libraries"/openmpi/lib/openmpi3/mca_*.so; do
    ours=true
    for other in $(needed "$part"); do
      case $(basename "$other") in
        libmpi.so.* | libopen-*.so.* | libmca_common_sm.so.* | libpmix.so.* | libevent*.so.* | libhwloc.so.* | libz.so.* | libudev.so.* | libmunge.so.*) ;;
        *) ours=false ;;
      esac
    done
    if $ours; then
      cp "$part" "$stage/lib/openmpi"
      for other in $(needed "$part"); do cp -Lf "$other" "$stage/lib/$(basename "$other")"; done
    fi
  done
  cp -rL /usr/share/openmpi "$stage/share/openmpi"
  if [ -d "$libraries/pmix2/lib/pmix" ]; then
    mkdir -p "$stage/lib/pmix2/lib"
    cp -rL "$libraries/pmix2/lib/pmix" "$stage/lib/pmix2/lib"
  fi
}

# unpack_deps FOLDER TARGET: lays out what pack_deps has packed, and makes the tools and libraries of it known to what
# this shell starts.
unpack_deps() {
  local archive=$1/deps.tar.gz target=$2
  [ -e "$archive" ] || die "no $archive; script/gpu-check --pack makes it"
  if ! [ "$target/deps.cmake" -nt "$archive" ]; then
    rm -rf "$target"
    mkdir -p "$target"
    tar -C "$target" -xmzf "$archive"
  fi
  export PATH="$target/bin:$PATH"
  export LD_LIBRARY_PATH="$target/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  export OPAL_PREFIX=$target OPAL_LIBDIR=$target/lib OPAL_PKGLIBDIR=$target/lib/openmpi OPAL_PKGDATADIR=$target/share/openmpi
  export OPAL_DATADIR=$target/share OPAL_BINDIR=$target/bin PMIX_PREFIX=$target/lib/pmix2 PMIX_LIBDIR=$target/lib/pmix2/lib PMIX_PKGLIBDIR=$target/lib/pmix2/lib/pmix
}
