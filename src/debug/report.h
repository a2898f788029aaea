/* Fault reports, see bda_report_fault: what is known of an address from all sources, in lines that a person can act on.
 */
#ifndef BDA_DEBUG_REPORT_H
#define BDA_DEBUG_REPORT_H

#include "alloc/allocator.h"

/* An address as somebody reported it. */
struct bda_suspect {
    VkDeviceAddress first, last; /* what it may be, in the form in which it is ours */
    BdaFaultAccess access;
    const char *source; /* or NULL */
    const char *lead;   /* what an explanation of one address begins with, "write of 16 bytes at "; NULL: the access */
};

struct bda_report {
    BdaAllocator allocator;
    BdaReportLine line;
    void *user;
    bool brief; /* the explanation alone. It may be made in a free, and the words for frames take memory */
};

/* One line, of which control characters become spaces. */
void bda_report_say(const struct bda_report *report, const char *text);

/* All that is known of it. */
void bda_report_explain(const struct bda_report *report, const struct bda_suspect *suspect);

/* What checking modes found broken in [first, last], the latest first. */
void bda_report_broken(const struct bda_report *report, VkDeviceAddress first, VkDeviceAddress last);

/* How far the history reaches, where it was of use. */
void bda_report_end(const struct bda_report *report);

#endif
