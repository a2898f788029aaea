/* The event log: every allocation, free and block as a message, for BDA_ALLOCATOR_LOG_EVENTS_BIT. */
#ifndef BDA_DEBUG_EVENTS_H
#define BDA_DEBUG_EVENTS_H

#include "alloc/hooks.h"

/* Tells one event; called by the bda_event_hook that all modes share (watch.c). */
void bda_events_log(BdaAllocator allocator, const struct bda_event *event);

#endif
