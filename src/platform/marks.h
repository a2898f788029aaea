/*
 * Marks: what the program's memory checker is told of bytes that it cannot know, those of mapped memory. There are two:
 * valgrind's memcheck, where the library was built with its header (BDA_MEMCHECK) and the program runs under it, and
 * the address sanitizer, where the library was compiled with it. Where there is neither, all of this does nothing.
 *
 * Words
 *   forbidden   any access is reported.
 *   undefined   allowed; memcheck reports whatever is decided by bytes that nobody has written since.
 *   name        memcheck prints it, and the stack that gave it, for addresses within: "Address … is 8 bytes inside
 *               a <name> of size 1,024". Of names that overlap it prints one.
 *
 * Any thread may call any of these. The address sanitizer counts in units of 8 bytes, whose first bytes may be allowed
 * and whose last ones forbidden, not the other way round: what is forbidden or allowed begins on a multiple of 8.
 */
#ifndef BDA_PLATFORM_MARKS_H
#define BDA_PLATFORM_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the library can speak to a checker at all; whether one listens now; whether it is one that prints names. */
bool bda_marks_exist(void);
bool bda_marks_are_heard(void);
bool bda_marks_have_names(void);

void bda_marks_forbid(const void *bytes, size_t size);
void bda_marks_allow(const void *bytes, size_t size, bool defined);

/*
 * Around code of the library that looks at bytes that may be forbidden, or writes them (guards, poison): between the
 * two calls the calling thread may. Both name the same bytes, all of which are forbidden again afterwards: for those
 * that are to stay allowed, no pause is needed. Does not nest.
 *
 *     bda_marks_pause(guard, size);
 *     intact = look_at(guard, size);
 *     bda_marks_resume(guard, size);
 *
 * Under memcheck the thread's errors are not reported meanwhile, so other threads are watched as ever; the address
 * sanitizer lets all threads at the bytes.
 */
void bda_marks_pause(const void *bytes, size_t size);
void bda_marks_resume(const void *bytes, size_t size);

/* Names bytes; the text is copied. Returns what takes the name away again, 0 where nobody prints names. */
uint32_t bda_marks_name(const void *bytes, size_t size, const char *name);
void bda_marks_forget(uint32_t name);

/* Whether a byte is forbidden; false where nobody listens. */
bool bda_marks_forbidden(const void *byte);

#endif
