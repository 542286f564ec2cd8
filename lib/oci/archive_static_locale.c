/* Linked into static programs with -Wl,--wrap=nl_langinfo: libarchive asks for the character set of
 * the locale and turns the UTF-8 names of PAX headers into it. In an empty root there are no locale
 * files, the answer would be ASCII and names with other letters would be lost. Our programs treat
 * names as bytes, which is what UTF-8 gives. */
#include <langinfo.h>

char* __real_nl_langinfo(nl_item item);
char* __wrap_nl_langinfo(nl_item item);

char* __wrap_nl_langinfo(nl_item item) {
    static char utf8[] = "UTF-8";
    return item == CODESET ? utf8 : __real_nl_langinfo(item);
}
