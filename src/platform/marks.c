/* Marks, see marks.h. Both checkers may be there; one of them listens. */
#include "platform/marks.h"

#if defined(__SANITIZE_ADDRESS__)
#define WITH_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_SANITIZER 1
#endif
#endif

#ifdef WITH_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

/* Its requests are a few instructions that do nothing where valgrind does not run the program. */
#ifdef BDA_MEMCHECK
#include <valgrind/memcheck.h>
#endif

bool bda_marks_exist(void) {
#if defined(WITH_SANITIZER) || defined(BDA_MEMCHECK)
    return true;
#else
    return false;
#endif
}

bool bda_marks_have_names(void) {
#ifdef BDA_MEMCHECK
    return RUNNING_ON_VALGRIND != 0;
#else
    return false;
#endif
}

bool bda_marks_are_heard(void) {
#ifdef WITH_SANITIZER
    return true;
#else
    return bda_marks_have_names();
#endif
}

void bda_marks_forbid(const void *bytes, size_t size) {
    (void)bytes;
    (void)size;
#ifdef WITH_SANITIZER
    ASAN_POISON_MEMORY_REGION(bytes, size);
#endif
#ifdef BDA_MEMCHECK
    (void)VALGRIND_MAKE_MEM_NOACCESS(bytes, size);
#endif
}

void bda_marks_allow(const void *bytes, size_t size, bool defined) {
    (void)bytes;
    (void)size;
    (void)defined;
#ifdef WITH_SANITIZER
    ASAN_UNPOISON_MEMORY_REGION(bytes, size);
#endif
#ifdef BDA_MEMCHECK
    if (defined)
        (void)VALGRIND_MAKE_MEM_DEFINED(bytes, size);
    else
        (void)VALGRIND_MAKE_MEM_UNDEFINED(bytes, size);
#endif
}

void bda_marks_pause(const void *bytes, size_t size) {
    (void)bytes;
    (void)size;
#ifdef WITH_SANITIZER
    ASAN_UNPOISON_MEMORY_REGION(bytes, size);
#endif
#ifdef BDA_MEMCHECK
    VALGRIND_DISABLE_ERROR_REPORTING;
#endif
}

void bda_marks_resume(const void *bytes, size_t size) {
    (void)bytes;
    (void)size;
#ifdef WITH_SANITIZER
    ASAN_POISON_MEMORY_REGION(bytes, size);
#endif
#ifdef BDA_MEMCHECK
    VALGRIND_ENABLE_ERROR_REPORTING;
#endif
}

/* valgrind's own numbers begin with 0. */
uint32_t bda_marks_name(const void *bytes, size_t size, const char *name) {
    (void)bytes;
    (void)size;
    (void)name;
#ifdef BDA_MEMCHECK
    return bda_marks_have_names() ? (uint32_t)VALGRIND_CREATE_BLOCK(bytes, size, name) + 1 : 0;
#else
    return 0;
#endif
}

void bda_marks_forget(uint32_t name) {
    (void)name;
#ifdef BDA_MEMCHECK
    if (name != 0)
        (void)VALGRIND_DISCARD(name - 1);
#endif
}

bool bda_marks_forbidden(const void *byte) {
    (void)byte;
#ifdef WITH_SANITIZER
    if (__asan_address_is_poisoned(byte) != 0)
        return true;
#endif
#ifdef BDA_MEMCHECK
    enum { NOT_ADDRESSABLE = 3 };
    unsigned char bits;
    return VALGRIND_GET_VBITS(byte, &bits, 1) == NOT_ADDRESSABLE;
#else
    return false;
#endif
}
