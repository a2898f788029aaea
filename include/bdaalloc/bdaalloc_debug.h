/*
 * libbdaalloc, the second half of its header: whose an address is and was, fault reports, and what the checking modes
 * offer. bdaalloc.h includes it; its words and conventions hold here, too.
 */
#ifndef BDAALLOC_BDAALLOC_DEBUG_H
#define BDAALLOC_BDAALLOC_DEBUG_H

#include "bdaalloc.h"

#ifndef VK_EXT_device_fault /* older headers: nobody can have one to pass */
typedef struct VkDeviceFaultAddressInfoEXT VkDeviceFaultAddressInfoEXT;
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Addresses ------------------------------------------------------------------------------------------------ */

/*
 * The shortest form of all, for code that wants nothing but the pointer: bda_malloc is bda_alloc with a size and an
 * intent, and answers the address, 0 where bda_alloc would have failed (the message callback hears why, as of
 * bda_alloc). No name, no usage, the alignment is 16. bda_free_address frees what begins at an address, ranges and own
 * buffers of any size, however they were allocated; address 0 does nothing.
 * Cost: bda_malloc as bda_alloc. bda_free_address as bda_free and one look-up (see bda_find): a handle is faster, where
 *   there is one.
 * Errors of bda_free_address: VALIDATION_FAILED (nothing live begins there: the message says what lies there instead),
 *   and nothing has changed. The first piece of an arena's chunk has the chunk's address, which is then what is freed:
 *   pieces are not for bda_free_address. An address has no generation: a second free of one that was handed out again
 *   meanwhile frees the new allocation, as with free().
 */
BDA_API VkDeviceAddress bda_malloc(BdaAllocator allocator, VkDeviceSize size, BdaIntent intent);
BDA_API VkResult bda_free_address(BdaAllocator allocator, VkDeviceAddress address);

/*
 * From a pointer back to the buffer and the offset in it, for the commands that still want them. The address may lie
 * anywhere in an allocation. No lock is taken and nothing is allocated: the cost is that of finding the block; only
 * in memory of own buffers it is that of bda_find, since which of them it is has to be found.
 * Errors: VALIDATION_FAILED (NULL; the address is in no block, or, of own buffers, in none that is live: the message
 *   says what lies there instead, as that of bda_free_address does).
 * Whether a range is live is not looked at: use bda_find to know. `address` is the device's own, or its sign-extended
 * form.
 * Keeps VUID-VkBufferCopy-srcOffset and its like only as far as the caller knows the size.
 */
BDA_API VkResult bda_resolve(BdaAllocator allocator, VkDeviceAddress address, VkBuffer *buffer, VkDeviceSize *offset);

/* The CPU's pointer to the byte at an address, NULL where the memory is not mapped or not ours. Neither locks nor
 * allocates; costs as bda_resolve. No error, and no message. */
BDA_API void *bda_mapped(BdaAllocator allocator, VkDeviceAddress address);

/* What an address turned out to be. */
typedef enum BdaFindingKind {
    BDA_FINDING_FOREIGN = 0,     /* in none of the allocator's memory; where that begins and ends nearby is told */
    BDA_FINDING_LIVE = 1,        /* in a live allocation */
    BDA_FINDING_SLACK = 2,       /* past the end of a live allocation, in what it holds beyond its size */
    BDA_FINDING_PENDING = 3,     /* in an allocation that bda_free_after freed and nothing has collected yet */
    BDA_FINDING_KEPT = 4,        /* in no allocation: the range was freed, or taken ahead, and is cached for the next
                                    requests, or on its way back */
    BDA_FINDING_FREE = 5,        /* in a block, and in no hands; somebody may have had it before */
    BDA_FINDING_QUARANTINED = 6, /* in an allocation that was freed and that a checking mode holds back */
    BDA_FINDING_UNTOUCHED = 7,   /* in a block, and never handed out; told apart from FREE as long as every free since
                                    the allocator was made is remembered (BdaHistory::complete) */
    BDA_FINDING_KIND_MAX_ENUM = 0x7FFFFFFF
} BdaFindingKind;

#define BDA_FOUND_NAME_SIZE 64

/* An allocation or a range, as it was when it was found; copied, so it says the same when that is gone. */
typedef struct BdaFoundRange {
    BdaHandle handle;               /* pending, quarantined: the stale one that it had; 0: no allocation */
    VkDeviceAddress address;        /* of its first byte */
    VkDeviceSize size;              /* live: what was asked for; else what it holds */
    uint64_t user;                  /* the caller's own value */
    uint64_t frame;                 /* live: in which it was allocated, as bda_set_frame said; 0: not known, as for what
                                       has neither a name nor a user value, but in fault reports */
    BdaStack stack;                 /* where it was allocated; 0: not known */
    char name[BDA_FOUND_NAME_SIZE]; /* cut, where it is longer; empty: none */
} BdaFoundRange;

/* An allocation that was freed; copied, as all findings are. */
typedef struct BdaPastOwner {
    BdaFoundRange range; /* the handle that it had, where it lay, what was asked for; its name is cut to 56 bytes,
                            `user` is 0 */
    uint32_t generation; /* that handle's: how many allocations its place among handles had had before */
    /* About how many frees there were in the whole allocator since then: exact where one thread frees, within 768 for
     * each further one. */
    uint64_t frees_ago;
    uint64_t frame_freed;     /* as bda_set_frame said; 0: it said nothing */
    uint64_t frame_allocated; /* the same; 0 also where that is not remembered any more */
    VkBool32 deferred;        /* freed by bda_free_after, when that was called */
    /* With BDA_CHECK_HISTORY_BIT, from bda_get_history: it lives. Then `frees_ago` counts from its allocation, and
     * `frame_freed` is 0. */
    VkBool32 live;
} BdaPastOwner;

typedef struct BdaHistory {
    void *next;
    VkBool32 complete; /* every free since the allocator was made is still remembered */
    uint64_t reach;    /* else, of what was freed longer ago than about so many frees some is forgotten */
    uint64_t frame;    /* the present one */
} BdaHistory;

typedef struct BdaFinding {
    void *next;
    BdaFindingKind kind;
    VkBool32 own_buffer; /* the block holds own buffers */
    VkBool32 dedicated;  /* the block is one allocation's */
    uint32_t memory_type;
    /* The bytes that this is about, of those that were asked about: the first one, as the device writes addresses, and
     * how many. */
    VkDeviceAddress address;
    VkDeviceSize extent;
    /* The allocation or range that they are in, and how far from its beginning; zeros for foreign ones. */
    BdaFoundRange range;
    VkDeviceSize offset;
    /* With BDA_CHECK_HISTORY_BIT, of a live allocation and its slack: VK_TRUE where its making is remembered, and about
     * how many frees ago that was; range.frame is its frame. */
    VkBool32 dated;
    uint64_t frees_since;
    /* The live allocations before and behind in the same block, unless the kind is live; for foreign addresses the
     * nearest in the blocks below and above; zeros where there is none (or where more than 64 ranges are between).
     * The first byte past the end of `before` has the distance 0, the last byte before the beginning of `after` 1. */
    BdaFoundRange before;
    VkDeviceSize past_end;
    /* With BDA_CHECK_RED_ZONES_BIT, where the kind is slack: the bytes of the red zone behind `before`, these among
     * them; else 0. */
    VkDeviceSize red_zone;
    BdaFoundRange after;
    VkDeviceSize before_begin;
    /* The block: its memory from the first byte that can be handed out; zeros for foreign ones. `pool`: the caller's
     * pool that it is in, or NULL. */
    VkDeviceAddress block_address;
    VkDeviceSize block_size;
    BdaPool pool;
    /* Unless the kind is live: who had any of these bytes last (a handle of 0: nobody that is remembered; a pending
     * free is its own former owner), and how far that reaches. Zeros where the kind is live. */
    BdaPastOwner former;
    BdaHistory history;
} BdaFinding;

/*
 * Explains an address: whose it is, how far from its beginning, or how far past whose end. Any 64 bits may be asked
 * about; those sign-extended from bit 47, and those that should be and are not, are found too.
 * `precision` is 0 or 1 for exactly this byte, or a power of two where the low bits mean nothing, as in
 * VkDeviceFaultAddressInfoEXT::addressPrecision: then the question is about [address, address + precision) with the
 * low bits of `address` cleared, and each range that it touches is a finding, in the order of addresses, together
 * covering all of it.
 * `findings` NULL: `count` becomes how many there are. Else `count` says how many fit, and becomes how many were
 * written: VK_INCOMPLETE where there are more. Other threads may allocate and free meanwhile; each finding is true of
 * one moment, and two calls may differ.
 * Cost: a single live byte is found without a lock, with its name, once others near it have been; else the block is,
 *   and then a few steps are made from a landmark in it, under the lock of its pool; for what is not live the history
 *   is read, too, which costs as bda_get_history.
 *   Landmarks are made by the first look-ups in a block, which walk through it, and take some eight bytes of host
 *   memory for each range in it, in steps of 16 KiB, kept until the allocator goes; allocations and frees cost the same
 *   with and without. Where host memory is refused look-ups walk each time, and do not fail. Own buffers that the
 * driver did not place where their memory says make each look-up linear in own buffers. Errors: VALIDATION_FAILED
 * (NULL, a precision that is no power of two). Calls no driver function; works after VK_ERROR_DEVICE_LOST.
 */
BDA_API VkResult bda_find(BdaAllocator allocator, VkDeviceAddress address, VkDeviceSize precision, uint32_t *count,
                          BdaFinding *findings);

/* Puts a finding into words, on one line: "0x10000a040: 64 bytes past the end of 'particles' (live, 4096 bytes at
 * 0x100009000), …; the range belonged to 'tmp sort' until about 3 frees ago". Writes at most `size` bytes to `text`, a
 * terminating zero included. VK_INCOMPLETE: it was cut, as none is that has BDA_FINDING_TEXT_SIZE bytes. Errors:
 * VALIDATION_FAILED (NULL, size 0). */
#define BDA_FINDING_TEXT_SIZE 1024
BDA_API VkResult bda_describe_finding(const BdaFinding *finding, size_t size, char *text);

/* The frames of a stack, the innermost first. `frames` NULL: `count` becomes how many there are, BDA_STACK_DEPTH at
 * most. Else `count` says how many fit, and becomes how many were written: VK_INCOMPLETE where there are more. Errors:
 * VALIDATION_FAILED (NULL, no stack of this allocator's). */
BDA_API VkResult bda_get_stack(BdaAllocator allocator, BdaStack stack, uint32_t *count, void **frames);

/* Puts a frame into words, by BdaAllocatorInfo::describe_frame or by the system's means. Writes at most `size` bytes to
 * `text`, a terminating zero included. Errors: VALIDATION_FAILED (NULL, size 0). */
BDA_API VkResult bda_describe_frame(BdaAllocator allocator, void *frame, size_t size, char *text);

/* ---- History -------------------------------------------------------------------------------------------------- */

/* Tells which frame it is, for what history and reports say of "when"; any number of the caller's that grows, 0 is
 * none. Of an event the lowest 32 bits are kept: it is dated right while it is less than 2^31 frames old (so count
 * frames, and do not pass nanoseconds). For any thread; costs an atomic store or two. */
BDA_API void bda_set_frame(BdaAllocator allocator, uint64_t frame);

/*
 * Who had these bytes before: of the frees that are remembered (BdaAllocatorInfo::history_depth), those of allocations
 * that touch [address, address + precision), the newest first. Of allocations half as many are remembered, by their
 * frames. `address` and `precision` as for bda_find; an address
 * may be in memory that went back to the driver long ago. What is live is bda_find's to tell; with
 * BDA_CHECK_HISTORY_BIT it is among them, by its allocation, where that is remembered. `owners` NULL: `count`
 * becomes how many there are. Else `count` says how many fit, and becomes how many were written: VK_INCOMPLETE where
 * there are more. `history` says how far the answer reaches: where it is not complete, an owner that is not in it may
 * have been forgotten. Cost: all rings are read, some nanoseconds for each event; what is remembered of allocations
 * once more for each owner that is written and had no name; no lock, no driver call, no memory.
 * For any thread, while others free. Errors: VALIDATION_FAILED (history or count is NULL, a precision that is no power
 * of two).
 */
BDA_API VkResult bda_get_history(BdaAllocator allocator, VkDeviceAddress address, VkDeviceSize precision,
                                 BdaHistory *history, uint32_t *count, BdaPastOwner *owners);

/* ---- Faults --------------------------------------------------------------------------------------------------- */

typedef enum BdaFaultAccess {
    BDA_FAULT_ACCESS_UNKNOWN = 0,
    BDA_FAULT_ACCESS_READ = 1,
    BDA_FAULT_ACCESS_WRITE = 2,
    BDA_FAULT_ACCESS_EXECUTE = 3,
    BDA_FAULT_ACCESS_INSTRUCTION = 4, /* the address is that of an instruction */
    BDA_FAULT_ACCESS_ATOMIC = 5,      /* it would have read and written; of a shader's checks */
    BDA_FAULT_ACCESS_MAX_ENUM = 0x7FFFFFFF
} BdaFaultAccess;

/* An address from a kernel's log, a tool, or a check of one's own. */
typedef struct BdaFaultAddress {
    VkDeviceAddress address; /* plain or sign-extended */
    VkDeviceSize precision;  /* as for bda_find */
    BdaFaultAccess access;
    const char *source; /* who says so, for the report; NULL: nobody in particular */
} BdaFaultAddress;

/* What is known of a fault; any part of it. */
typedef struct BdaFaultInfo {
    const void *next;
    /* The driver's words: `description` of VkDeviceFaultInfoEXT or …KHR; or NULL. */
    const char *description;
    /* The driver's addresses. With VK_EXT_device_fault: VkDeviceFaultCountsEXT::addressInfoCount and
     * VkDeviceFaultInfoEXT::pAddressInfos. With VK_KHR_device_fault, whose addresses have the same type: 1 and
     * &VkDeviceFaultInfoKHR::faultAddressInfo, and the same again with instructionAddressInfo. */
    uint32_t device_address_count;
    const VkDeviceFaultAddressInfoEXT *device_addresses;
    uint32_t address_count;
    const BdaFaultAddress *addresses;
} BdaFaultInfo;

/* Takes one line of a report: UTF-8, without a newline, at most BDA_REPORT_LINE_SIZE bytes with its zero, valid during
 * the call. No lock of the library is held, but it must not call back into the allocator. */
#define BDA_REPORT_LINE_SIZE 1536
typedef void (*BdaReportLine)(void *user, const char *line);

/*
 * Explains a fault: each address by what is there now (bda_find), by who had those bytes before (bda_get_history), and
 * by what the driver said of its ranges (bda_address_binding_callback), and by what red zones and poison found there;
 * then what checked shaders have written down and nobody has taken yet, which takes it as bda_report_checks does. With
 * no address at all, what the checking modes found last is told, too. One line for an address that is exact; where it
 * has a precision, a line for each candidate, the likeliest first, six at most. It ends with how far the history
 * reaches. Nothing here needs the driver to have noticed anything: without device addresses, those of `addresses` do.
 * With BDA_CHECK_STACKS_BIT the stacks of the allocations that come into question follow, a line for each frame.
 * Cost: as bda_find and bda_get_history for each range that an address may lie in. No host memory (but what
 * BdaAllocatorInfo::describe_frame takes); some 16 KiB of stack. Driver: with BDA_CHECK_POINTERS_BIT, in memory that is
 * not coherent, vkInvalidateMappedMemoryRanges and vkFlushMappedMemoryRanges; else none. Works after
 * VK_ERROR_DEVICE_LOST, from any thread. Errors: VALIDATION_FAILED (NULL; a precision of `addresses` that is no power
 * of two), and then no line is written; what vkInvalidateMappedMemoryRanges answers, where the records could not be
 * read: a line says so, all else is told, and they stay.
 */
BDA_API VkResult bda_report_fault(BdaAllocator allocator, const BdaFaultInfo *info, BdaReportLine line, void *user);

/*
 * Takes down what the driver binds and unbinds, for reports: a callback for a VkDebugUtilsMessengerEXT of the type
 * VK_DEBUG_UTILS_MESSAGE_TYPE_DEVICE_ADDRESS_BINDING_BIT_EXT, with the allocator as pUserData; needs
 * VK_EXT_device_address_binding_report and its feature enabled. The messenger is made after the allocator and destroyed
 * before it. The last 256 are kept; the first takes some 25 KiB of host memory, and where those are refused none is
 * kept. Other messages are ignored. Always VK_FALSE.
 */
BDA_API VKAPI_ATTR VkBool32 VKAPI_CALL bda_address_binding_callback(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                                    VkDebugUtilsMessageTypeFlagsEXT types,
                                                                    const VkDebugUtilsMessengerCallbackDataEXT *data,
                                                                    void *allocator);

/* ---- Checking modes ------------------------------------------------------------------------------------------- */

/*
 * Looks now, in memory that is mapped, at all bytes that are nobody's: red zones, free ranges, quarantined ones
 * (BDA_CHECK_RED_ZONES_BIT, BDA_CHECK_POISON_BIT). Each stretch that was written to is told to the message callback as
 * BDA_MESSAGE_ERROR, with what is known of the address, and is put right, so that it is told once; the last three
 * stand in fault reports. (Stacks are told by their numbers, for bda_get_stack, and in fault reports by their frames:
 * the message may come from a free, which takes no memory.) The same is found without it when a range is freed, leaves
 * the quarantine, or is handed out. `broken` (may be NULL) becomes how many were found since the allocator was made,
 * wherever that was. In non-coherent memory it sees what the CPU sees: what the device wrote is found at the free.
 * Calls no driver function. For any thread; takes each pool's lock for as long as reading its bytes takes, so others
 * wait. Without these modes it does nothing. Errors: VALIDATION_FAILED (NULL).
 */
BDA_API VkResult bda_verify(BdaAllocator allocator, uint64_t *broken);

/*
 * The same modes for memory that is not mapped, by commands of the caller's. Records into `commands`, outside of a
 * render pass and for any queue: copies of red zones, and of the edges of what leaves the quarantine, to memory that is
 * read back; fills of what was freed, and of the red zones of new allocations; barriers against what comes before and
 * after. Once the GPU has executed it, bda_complete_checks compares the copies, tells what is broken as bda_verify
 * does, and releases what was held for it. Meant for once a frame: record it, submit, complete it when the frame's
 * fence is seen. `ticket` becomes 0 where there is nothing to record, which wants no completion.
 * Of what lives, new red zones are filled, and the others looked at, by turns where they are many. From the first
 * recording on, a freed range of such memory is held until a later ticket is complete, so that no fill lands on its
 * next owner. Memory that is new from the driver is not filled before it is handed out: it would have to be in nobody's
 * hands until a later recording is complete, and a block is made because a request wants it now.
 * The caller's part: tickets are executed in the order in which they were recorded, each once; no pool is destroyed
 * while a ticket that may touch it is being executed; on a lost device none is completed. A command buffer that is
 * never submitted leaves its ranges held until the allocator is destroyed.
 * Cost: linear in the live allocations of such memory, under the lock of their pools; a range to read back, "checks",
 *   which lives until completion.
 * Driver: as bda_alloc; vkCmdPipelineBarrier, vkCmdCopyBuffer, vkCmdFillBuffer, vkFlushMappedMemoryRanges; for
 *   completion vkInvalidateMappedMemoryRanges.
 * Threads: any; `commands` is the caller's to synchronise. One records at a time: who comes while another one does
 *   waits for nothing and records nothing (`ticket` 0), since all that there is to do is the other one's.
 * Errors: VALIDATION_FAILED (NULL; for completion: a ticket that is none, or complete); as bda_alloc for what is read
 *   back, FEATURE_NOT_PRESENT where no memory can be mapped, and then nothing was recorded. What
 *   vkInvalidateMappedMemoryRanges answers: then nothing was looked at, and the ticket can be completed again.
 * Keeps VUID-vkCmdFillBuffer-dstOffset-00025, -size-00028, VUID-vkCmdCopyBuffer-pRegions-00117.
 */
BDA_API VkResult bda_record_checks(BdaAllocator allocator, VkCommandBuffer commands, uint64_t *ticket);
BDA_API VkResult bda_complete_checks(BdaAllocator allocator, uint64_t ticket);

/* ---- Checked pointers ----------------------------------------------------------------------------------------- */

/*
 * With BDA_CHECK_POINTERS_BIT, shaders that are compiled with BDA_CHECKED (bdaalloc.glsl) look the bytes of each access
 * up before it happens. A bad load then answers zeros, a bad store or atomic does not happen, and a record says who
 * wanted what where. Live are, exact to the byte, this allocator's live allocations, and the ranges added below.
 *   Caught      null pointers, also with up to 64 KiB added; addresses in no block; freed and never allocated bytes;
 *               bytes past an end, of which at least 16 follow each allocation before the next one begins; an index
 *               that leads from one live allocation into another, unless both have the same one of 15 colours, which
 *               are given in turn; addresses that are no multiple of the type's alignment.
 *   Not caught  a sum of pointer and bytes that lands in another live allocation. A use after free, once the range was
 *               handed out again: a pointer has no generation. BDA_CHECK_QUARANTINE_BIT puts that off.
 *   When        a free counts from its release on (bda_free_after: when it is collected), surely for what is submitted
 *               afterwards; an allocation before its address is returned, so for whatever is submitted with it.
 *   Costs       three small loads for each access of up to 16 bytes, and one to three more where it has an index;
 *               host-visible device memory, 1/16 of the blocks and about 1 MiB (BdaStats::check_memory); each
 *               allocation holds 16 bytes more, and writes 1/16 of its size. Where that memory is refused nothing
 *               fails: what could not be covered is allowed, and a warning says so. BdaStats::unchecked and reports say
 *               how much that is. It is asked for again with each block, in bda_take_bad_accesses, bda_report_checks
 *               and bda_add_checked_range, and what lives there by then is checked from then on.
 */

/* The address that a checked shader gives to bda_checks: the same as long as the allocator lives, which must be longer
 * than any shader that has it. 0 where the mode is off: then nothing is looked up. Errors: VALIDATION_FAILED (NULL). */
BDA_API VkResult bda_get_check_table(BdaAllocator allocator, VkDeviceAddress *table);

/*
 * Tells of memory that is not this allocator's and that checked shaders may follow pointers into; and that it ends. All
 * other addresses outside of its blocks are reported. `address` is a multiple of 16, `size` is exact. Ranges must
 * not overlap each other or the allocator's blocks, and each is removed as it was added. They do nothing where the
 * mode is off. Cost: as a block of that size, 32 bytes of host memory, and a look at each range that was added; new
 * memory may be taken (see bda_alloc for the driver's functions).
 * Errors: VALIDATION_FAILED (NULL, size 0, no multiple of 16, an address below 64 KiB, more than a TiB; of adding what
 * overlaps, of removing what was not added, or with another size); of adding also OUT_OF_DEVICE_MEMORY,
 * OUT_OF_HOST_MEMORY, TOO_MANY_OBJECTS.
 */
BDA_API VkResult bda_add_checked_range(BdaAllocator allocator, VkDeviceAddress address, VkDeviceSize size);
BDA_API VkResult bda_remove_checked_range(BdaAllocator allocator, VkDeviceAddress address, VkDeviceSize size);

typedef enum BdaBadReason {
    BDA_BAD_NULL = 1,      /* an address below 64 KiB */
    BDA_BAD_NOT_OURS = 2,  /* in no block, and in no added range */
    BDA_BAD_NOT_LIVE = 3,  /* in a granule of 16 bytes of which none is live */
    BDA_BAD_PAST_END = 4,  /* past the end of something live that it begins in, or in the last granule of */
    BDA_BAD_OTHER = 5,     /* in another live allocation than `base`, to which an index was added */
    BDA_BAD_ALIGNMENT = 6, /* at no multiple of the alignment that the type wants */
    BDA_BAD_REASON_MAX_ENUM = 0x7FFFFFFF
} BdaBadReason;

/* An access that did not happen, as the shader wrote it down. */
typedef struct BdaBadAccess {
    VkDeviceAddress address;
    uint32_t size;         /* bytes from there on */
    uint32_t bad_offset;   /* from `address` to the first byte that is not live */
    BdaFaultAccess access; /* …READ, …WRITE or …ATOMIC */
    BdaBadReason reason;
    uint32_t tag;           /* the last BDA_AT(tag) before it; 0: none */
    uint32_t invocation[3]; /* BDA_INVOCATION: by default gl_GlobalInvocationID */
    VkDeviceAddress base;   /* of helpers that take a pointer and an index, the pointer; 0: none */
} BdaBadAccess;

#define BDA_BAD_ACCESS_MOST 1024 /* are kept; those beyond are only counted */

/*
 * Takes what shaders have written down since the last call, the oldest first. The work is to be finished, and its
 * writes made available to the host, as for any memory that is read back (a barrier to VK_ACCESS_HOST_READ_BIT, a
 * fence); records of work that goes on may come with a later call. `accesses` NULL: `count` becomes how many there are,
 * and they stay. Else `count` says how many fit, and becomes how many were taken: VK_INCOMPLETE where more are left,
 * which take up room until they are taken too. `lost` becomes how many more there were that found no room. Where the
 * mode is off there are none. Works after VK_ERROR_DEVICE_LOST where the memory is still there to be read. For any
 * thread; several share the records. Driver: in memory that is not coherent, vkInvalidateMappedMemoryRanges and
 * vkFlushMappedMemoryRanges; where something goes unchecked (BdaStats::unchecked), as bda_alloc for a block; else none.
 * Errors: VALIDATION_FAILED (NULL); what vkInvalidateMappedMemoryRanges answers.
 */
BDA_API VkResult bda_take_bad_accesses(BdaAllocator allocator, uint32_t *count, BdaBadAccess *accesses, uint64_t *lost);

/*
 * The same in words: takes all of them and explains them as bda_report_fault does, by what is there now and who had the
 * bytes before. Accesses of the same kind, reason and tag to the same allocation are told once: two lines, the first of
 * them and how many more there were. No line where there were none. `count` (may be NULL) becomes how many there were,
 * lost ones included. Call it soon, once a frame: who else gets the range meanwhile is what is there. Cost: one
 * look-up and one reading of the history for each access. Driver, errors: as bda_take_bad_accesses; where reading
 * fails half-way, what was taken before is told.
 */
BDA_API VkResult bda_report_checks(BdaAllocator allocator, BdaReportLine line, void *user, uint64_t *count);

#ifdef __cplusplus
}
#endif

#endif
