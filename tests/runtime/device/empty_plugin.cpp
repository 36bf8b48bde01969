// A library that is no plugin.
extern "C" int trireme_is_elsewhere() {
  return 0;
}
