/*
 * libbdaalloc: malloc for GPU pointers.
 *
 * One call answers with a device address that a shader can dereference, the CPU pointer to the same bytes where
 * the memory is host-visible, and the VkBuffer and offset for the commands that still want them.
 *
 *     BdaAllocation a;
 *     if (bda_alloc(allocator, &(BdaAllocInfo){ .size = 4096, .name = "particles" }, &a) == VK_SUCCESS) {
 *         push_constants.particles = a.address;      // the shader follows it
 *         ...
 *         bda_free(allocator, a.handle);
 *     }
 *
 * Words
 *   intent      where memory should live, and who touches it (BdaIntent).
 *   block       one VkDeviceMemory of the library, cut into ranges or holding own buffers.
 *   range       a piece of a block's own VkBuffer: what bda_alloc returns.
 *   own buffer  a VkBuffer made for one request: what bda_alloc_buffer returns.
 *   dedicated   an allocation with a VkDeviceMemory to itself.
 *   pool        the blocks of one memory type and purpose; BdaPool is one the caller made.
 *   handle      names an allocation; once it is freed the handle is stale, and the library knows.
 *
 * Conventions, true of every function here unless its comment says otherwise
 *   Units       sizes, offsets and alignments are bytes (VkDeviceSize).
 *   Defaults    zero is a good default in every info struct; `next` must be NULL in this version.
 *   Results     VK_SUCCESS or one of the errors below. On an error the output structs are zeroed, nothing has changed
 *               and nothing leaks. It is also told to the message callback, with the function and the reason: misuse
 *               and what is not there as BDA_MESSAGE_ERROR, memory that ran out as BDA_MESSAGE_WARNING (or as
 *               BDA_MESSAGE_INFO, for a request whose flags let it take no memory, or none over the budget).
 *                 VK_ERROR_VALIDATION_FAILED_EXT   the caller's mistake (NULL, zero size, stale handle, …)
 *                 VK_ERROR_FEATURE_NOT_PRESENT     no memory type fits, or a feature was not enabled
 *                 VK_ERROR_OUT_OF_DEVICE_MEMORY    a heap, a budget or a limit is exhausted
 *                 VK_ERROR_OUT_OF_HOST_MEMORY      the host allocator refused
 *                 VK_ERROR_TOO_MANY_OBJECTS        maxMemoryAllocationCount or another count is reached
 *               and what the driver itself answers, unchanged.
 *   Threads     any function may be called from any thread at any time, but an allocator or pool must not be
 *               destroyed while another call uses it. With BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT the caller
 *               lets one call in at a time.
 *   Callbacks   the host allocation callbacks may be called under a lock of the library, the message callback never is;
 *               neither may call back into the allocator.
 *   Ownership   structs and strings passed in are copied or only read during the call; nothing passed in is kept
 *               but the Vulkan handles, the host allocation callbacks' targets and the message callback's user pointer.
 *   Source      VUIDs name the Vulkan rule that a function keeps for its caller.
 *
 * Include order: this header includes <vulkan/vulkan_core.h>, which declares prototypes unless VK_NO_PROTOTYPES is
 * defined. With volk include volk.h first, or define VK_NO_PROTOTYPES before this header.
 */
#ifndef BDAALLOC_BDAALLOC_H
#define BDAALLOC_BDAALLOC_H

#include <stddef.h>
#include <vulkan/vulkan_core.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Importing from a Windows DLL wants BDA_SHARED defined; the CMake target and the pkg-config file do so. */
#if defined(_WIN32) && defined(BDA_BUILDING_SHARED)
#define BDA_API __declspec(dllexport)
#elif defined(_WIN32) && defined(BDA_SHARED)
#define BDA_API __declspec(dllimport)
#elif defined(__GNUC__)
#define BDA_API __attribute__((visibility("default")))
#else
#define BDA_API
#endif

/* ---- Version -------------------------------------------------------------------------------------------------- */

#define BDA_VERSION_MAJOR 0
#define BDA_VERSION_MINOR 1
#define BDA_VERSION_PATCH 0
/* Compile-time version, packed as Vulkan packs its own: VK_API_VERSION_MAJOR and its siblings take it apart. */
#define BDA_VERSION VK_MAKE_API_VERSION(0, BDA_VERSION_MAJOR, BDA_VERSION_MINOR, BDA_VERSION_PATCH)

/* The version of the library that is running, packed like BDA_VERSION. Costs nothing, cannot fail. */
BDA_API uint32_t bda_get_version(void);

/* ---- Handles -------------------------------------------------------------------------------------------------- */

typedef struct BdaAllocator_T *BdaAllocator;
typedef struct BdaPool_T *BdaPool;
typedef struct BdaArena_T *BdaArena;

/* Names one allocation of one allocator: slot index, generation and allocator tag. 0 is no allocation. */
typedef uint64_t BdaHandle;

/* ---- Messages ------------------------------------------------------------------------------------------------- */

typedef enum BdaMessageSeverity {
    BDA_MESSAGE_INFO = 0,    /* a refusal by BDA_ALLOC_NO_NEW_MEMORY_BIT or BDA_ALLOC_WITHIN_BUDGET_BIT; an event, when
                                BDA_ALLOCATOR_LOG_EVENTS_BIT asks for them */
    BDA_MESSAGE_WARNING = 1, /* something to know of: memory that ran out, a leak listed at destroy */
    BDA_MESSAGE_ERROR = 2,   /* a misuse that was refused, or that a checking mode found; a feature, or a memory type,
                                that is not there (VK_ERROR_FEATURE_NOT_PRESENT) */
    BDA_MESSAGE_SEVERITY_MAX_ENUM = 0x7FFFFFFF
} BdaMessageSeverity;

/* Takes one message. `text` is one line of UTF-8, without a newline, valid during the call. May be called from any
 * thread that is inside a bda_ function; no lock of the library is held. It must not call back into the allocator, nor
 * wait for a thread that may be inside of it. */
typedef void (*BdaMessageCallback)(void *user, BdaMessageSeverity severity, const char *text);

/* ---- Allocator ------------------------------------------------------------------------------------------------ */

typedef enum BdaAllocatorFlagBits {
    /* The caller lets one call at a time into this allocator; the library then takes no locks and has no caches. */
    BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT = 0x1,
    /* Every allocation, free and block is told to the message callback as BDA_MESSAGE_INFO. Slow; for debugging. */
    BDA_ALLOCATOR_LOG_EVENTS_BIT = 0x2,
    /* Freed ranges go straight back to their blocks, no thread keeps any for its next requests, and none gets blocks of
     * its own: a pool stays in one piece, and reserves no more than it needs. Slower, and shared by all threads; for
     * tight limits, for memory that must not be kept by anybody, and for debugging. */
    BDA_ALLOCATOR_NO_CACHES_BIT = 0x4,
    BDA_ALLOCATOR_FLAG_BITS_MAX_ENUM = 0x7FFFFFFF
} BdaAllocatorFlagBits;
typedef VkFlags BdaAllocatorFlags;

/* Checking modes: each catches a kind of mistake, costs time and memory while it is on, and nothing while it is off.
 * With any of them no thread keeps ranges for its next requests. The environment variable BDA_DEBUG adds modes to
 * these, a list separated by commas, spaces or newlines: quarantine[=bytes], frees=count, poison, redzones[=bytes],
 * isolate, memory, pointers, stacks, history, all (bytes may end in K, M or G); help sends a list of them to the
 * message callback, as warnings. It is read as an allocator
 * is made, but not in a program that runs with more rights than its user; what it does not understand is a warning, as
 * is a size that is too large, and one of 0, which does not turn its mode on. The guide is docs/debugging.md.
 */
typedef enum BdaCheckFlagBits {
    BDA_CHECK_QUARANTINE_BIT = 0x1, /* freed ranges are not handed out again for a while */
    /* Freed and fresh ranges are filled with a pattern; in memory that is not mapped by bda_record_checks, and there
     * only what was freed. */
    BDA_CHECK_POISON_BIT = 0x2,
    BDA_CHECK_RED_ZONES_BIT = 0x4, /* bytes around each allocation that nobody may write, and that are looked at */
    /* Each allocation has a VkBuffer of exactly its size, with the usage that its block would have had, and 256 bytes
     * at least to the next one: validation layers that instrument shaders (GPU-assisted validation) then see where
     * allocations end, and when they are freed. `buffer` is that buffer, `offset` 0, BdaAllocationInfo::own_buffer
     * VK_TRUE; bda_resolve answers for live ones only. Costs as bda_alloc_buffer, and may fail as that does. */
    BDA_CHECK_ISOLATE_BIT = 0x8,
    /* Memory checkers are told what may be touched of mapped memory: the bytes of live allocations, and no others; 256
     * bytes at least stay free behind each. valgrind's memcheck, where the library was built with its header (CMake's
     * BDA_MEMCHECK) and runs under it: on software drivers it sees what shaders do, too, and it prints the name of the
     * allocation, with the stack of its allocation or its free. The address sanitizer, where the library was compiled
     * with it, for the CPU's own accesses. Where neither listens this does nothing; where the library can speak to
     * none, a BDA_MESSAGE_WARNING says so. */
    BDA_CHECK_MEMORY_BIT = 0x10,
    BDA_CHECK_POINTERS_BIT = 0x20, /* shaders with BDA_CHECKED look each pointer up before they follow it */
    /* The calling thread's stack is taken at each allocation, and shown in leak lists and fault reports, for what was
     * freed, too, as far as the history reaches; findings have its number (bda_get_stack). Each distinct stack is kept
     * once, in some 280 bytes, and each allocation has a record of 128. An allocation for whose stack host memory is
     * refused goes on without one. */
    BDA_CHECK_STACKS_BIT = 0x40,
    /* The history has allocations as it has frees, so that findings say when any live allocation was made
     * (BdaFinding::dated), and bda_get_history has them, too. An allocation takes the room of a free in the one ring
     * that all threads share with it: make BdaAllocatorInfo::history_depth larger. */
    BDA_CHECK_HISTORY_BIT = 0x80,
    BDA_CHECK_FLAG_BITS_MAX_ENUM = 0x7FFFFFFF
} BdaCheckFlagBits;
typedef VkFlags BdaCheckFlags;

/* With BDA_CHECK_STACKS_BIT: takes the calling thread's stack. Writes up to `max` return addresses (or whatever else
 * describe_frame understands, as long as it is the same for the same place), the innermost first, and returns how many;
 * 0: none. Called from any thread, with no lock of the library held; must not call back into the allocator. */
typedef uint32_t (*BdaCaptureStack)(void *user, uint32_t max, void **frames);
#define BDA_STACK_DEPTH 32 /* `max`: what is further out is not kept */

/* Puts a frame into words: at most `size` bytes to `text`, a terminating zero included. As above. */
typedef void (*BdaDescribeFrame)(void *user, void *frame, size_t size, char *text);

/* Names a stack that an allocator keeps, as long as it lives; 0 is none. */
typedef uint32_t BdaStack;

typedef struct BdaAllocatorInfo {
    const void *next;
    BdaAllocatorFlags flags;
    /* VkApplicationInfo::apiVersion of the instance; 0 means 1.2. The library uses nothing newer than this and than
     * the device's own version. */
    uint32_t api_version;
    VkInstance instance;
    VkPhysicalDevice physical_device;
    VkDevice device;
    /* Where every Vulkan function comes from: volk's or the loader's vkGetInstanceProcAddr. Required. */
    PFN_vkGetInstanceProcAddr get_instance_proc_addr;
    /* What the device was made with: features, extensions and queue families are read from it, since a VkDevice
     * cannot be asked. Required; bufferDeviceAddress must be enabled in it. Only read during the call. */
    const VkDeviceCreateInfo *device_info;
    /* Host memory, for the library and passed on to the driver, whose rules it must meet (pfnReallocation is needed
     * too); NULL is malloc. The struct is copied. */
    const VkAllocationCallbacks *callbacks;
    /* Where messages go. NULL drops them, unless the environment variable BDA_DEBUG says something: then they go to
     * stderr. */
    BdaMessageCallback message;
    void *message_user;
    /* Size of a pool's first block; each further one is twice as large, up to the largest. 0: 1 MiB, growing to
     * 256 MiB where the CPU cannot map the memory and 64 MiB where it can (a driver's price for host-visible memory
     * grows with its size), and never more than an eighth of the heap. Blocks are never smaller than 64 KiB. */
    VkDeviceSize first_block_size;
    VkDeviceSize max_block_size;
    VkDeviceSize max_host_visible_block_size;
    /* Bytes of empty blocks that each pool keeps for the next request, beside one empty block that it always keeps;
     * what is over that goes back to the driver in bda_collect, or when the pool needs a new block. Where a
     * heap is exhausted, an allocation gives all of the heap's empty blocks back before it is refused. */
    VkDeviceSize keep_empty;
    /* For how long a pool keeps what is over that: bda_collect gives a block back once so many calls of it in a row,
     * itself included, have found the block empty and unused in between. 0: 16; 1: at once. Values over
     * 65534 count as 65534. */
    uint32_t keep_collects;
    /* The low-water mark: a pool with fewer free bytes in its blocks wants the next one before a request has to wait
     * for it. bda_wants_block says so, bda_prepare makes it. 0: none. Surplus that would take a pool below its mark
     * stays. Such a block is as large as any other that the pool would make next, however little lacks: a mark costs up
     * to one whole block more than it says. A pool that has no block wants its first one once it has refused a request
     * with BDA_ALLOC_NO_NEW_MEMORY_BIT; any other request makes that itself. */
    VkDeviceSize low_water;
    /* The queue families that will use the memory; none given: every family of `device_info`. Where there are two or
     * more, buffers of blocks are VK_SHARING_MODE_CONCURRENT over them, so pointers need no ownership transfers. One
     * that the physical device does not have is refused. */
    uint32_t queue_family_count;
    const uint32_t *queue_families;
    /* The most bytes to take from each heap, in heap order. A heap without an entry, or with a 0, has no limit; entries
     * beyond the last heap are ignored. */
    uint32_t heap_limit_count;
    const VkDeviceSize *heap_limits;
    /* Checking modes, beside those that the environment variable BDA_DEBUG names. With BDA_CHECK_POINTERS_BIT the
     * creation makes the first of the memory that shaders look into. */
    BdaCheckFlags checks;
    /* With BDA_CHECK_QUARANTINE_BIT: what is freed is handed out again once so many bytes, or so many frees, have come
     * after it. 0: 64 MiB; 65536. Before a request is refused all of it is released. Dedicated memory counts with all
     * of its bytes; with BDA_CHECK_ISOLATE_BIT it is not held, since its VkBuffer would be, too. */
    VkDeviceSize quarantine_bytes;
    uint32_t quarantine_frees;
    /* With BDA_CHECK_RED_ZONES_BIT: the least bytes between two allocations, a multiple of 16 (else the next one). 0:
     * 64; at most BDA_RED_ZONE_MAX. Each allocation takes so many more; an own buffer with memory of its own that much
     * more memory, unless the driver requires that to be dedicated or it is exported. */
    uint32_t red_zone;
    /* How many frees bda_get_history and fault reports remember for each thread, rounded up to a power of two, at least
     * 8. 0: 512, or 256 in all where there are no caches; BDA_HISTORY_NONE: none.
     * Host memory: 32 bytes for each. A name or a stack takes the place of one more, a long name of two; with
     * BDA_CHECK_HISTORY_BIT an allocation takes as much as its free. Half as many allocations are remembered beside
     * them, by handle and frame (bda_set_frame), at 16 bytes each.
     * A thread gets a ring of its own, with its cache, at its first request. Requests with a name or a value, over
     * 1 MiB, or over 64 KiB where little is free lead to one only after the first 42 of them by all such threads
     * together (a third of the depth, if that is below 128). A thread that only frees gets one once such threads have
     * freed as many times, through anybody's next request with a name or for what its cache lacks. Until then frees go
     * into one ring that such threads share, of this depth (128 for 0). Without caches, or with any checking mode on,
     * all frees go there. */
    uint32_t history_depth;
    /* With BDA_CHECK_STACKS_BIT: who takes stacks, and puts their frames into words, with this user pointer. NULL: what
     * the system offers (backtrace and backtrace_symbols of glibc and macOS, whose text takes memory of the C
     * library's; on Windows addresses in digits; elsewhere there are no stacks). */
    BdaCaptureStack capture_stack;
    BdaDescribeFrame describe_frame;
    void *stack_user;
    /* Beginnings of names ("mesh/") under which allocations are counted as they come and go, for
     * bda_get_counted_prefixes: at most BDA_PREFIXES_MAX, none empty, none twice. Copied. */
    uint32_t prefix_count;
    const char *const *prefixes;
} BdaAllocatorInfo;

#define BDA_PREFIXES_MAX      64
#define BDA_RED_ZONE_MAX      ((uint32_t)1 << 16)
#define BDA_HISTORY_NONE      UINT32_MAX
#define BDA_HISTORY_DEPTH_MAX ((uint32_t)1 << 20)

/*
 * Makes an allocator for one VkDevice. It makes no VkDeviceMemory yet; blocks come with the first requests.
 * Cost: a few queries of the physical device, one short-lived VkBuffer for each kind of pool, under 64 KiB of host
 *   memory.
 * Errors: VALIDATION_FAILED (a required member is NULL, unknown flags, `api_version` below 1.1, a first block larger
 *   than the largest, no such queue family, too many prefixes, an empty one or one twice); FEATURE_NOT_PRESENT
 *   (bufferDeviceAddress is not enabled in `device_info`, or a Vulkan function is missing); OUT_OF_HOST_MEMORY.
 * Keeps VUID-VkMemoryAllocateInfo-flags-03331 and VUID-vkGetBufferDeviceAddress-bufferDeviceAddress-03324.
 */
BDA_API VkResult bda_create_allocator(const BdaAllocatorInfo *info, BdaAllocator *allocator);

/*
 * Destroys the allocator. Pending frees are drained without waiting: the caller has seen the device idle, or lost.
 * What is still live is listed through the message callback (BDA_MESSAGE_WARNING: how much it is, then up to 64
 * allocations by name and pool, then how many more there are) and then freed too, with every pool. Arenas that
 * still exist are told of by name and freed as well: to touch one afterwards, also by bda_destroy_arena, is use after
 * free. VK_SUCCESS; VK_INCOMPLETE when something was still live, or an arena still there. NULL is allowed and does
 * nothing.
 */
BDA_API VkResult bda_destroy_allocator(BdaAllocator allocator);

/* ---- Allocating ----------------------------------------------------------------------------------------------- */

/* Where memory should live. What is required is never weakened; among the types that satisfy it the preferences
 * decide, in the order given, and the next best is used when a heap is full. */
typedef enum BdaIntent {
    /* The GPU's own memory. Requires DEVICE_LOCAL. Prefers not HOST_VISIBLE, which is scarce where it is a window.
     * With BDA_ALLOC_HOST_FALLBACK_BIT host memory serves when device-local memory is exhausted. */
    BDA_INTENT_DEVICE = 0,
    /* The CPU writes, the GPU reads. Requires HOST_VISIBLE. Prefers HOST_COHERENT, then not HOST_CACHED
     * (write-combined), then not DEVICE_LOCAL. */
    BDA_INTENT_UPLOAD = 1,
    /* The GPU writes, the CPU reads. Requires HOST_VISIBLE. Prefers HOST_CACHED, then HOST_COHERENT, then not
     * DEVICE_LOCAL. */
    BDA_INTENT_READBACK = 2,
    /* The GPU's own memory, written by the CPU in place ("resizable BAR", integrated GPUs). Requires DEVICE_LOCAL and
     * HOST_VISIBLE. Prefers HOST_COHERENT. With BDA_ALLOC_HOST_FALLBACK_BIT host memory serves instead. */
    BDA_INTENT_SHARED = 3,
    BDA_INTENT_MAX_ENUM = 0x7FFFFFFF
} BdaIntent;

typedef enum BdaAllocFlagBits {
    /* A VkDeviceMemory of its own. */
    BDA_ALLOC_DEDICATED_BIT = 0x1,
    /* New memory is taken only while the heap stays within its budget (VK_EXT_memory_budget where enabled, else 80 %
     * of the heap; the caller's own use counts, see bda_set_external_use). */
    BDA_ALLOC_WITHIN_BUDGET_BIT = 0x2,
    /* No new memory is taken at all, and none given back (but for what checking modes hold): the request is served from
     * blocks with room, or refused, and waits for nobody. (With frees pending it may call vkGetSemaphoreCounterValue
     * and vkDestroyBuffer.) Together with BDA_ALLOC_DEDICATED_BIT, which nothing could serve: VALIDATION_FAILED. */
    BDA_ALLOC_NO_NEW_MEMORY_BIT = 0x4,
    /* Intents that require DEVICE_LOCAL may be served from host memory rather than refused. */
    BDA_ALLOC_HOST_FALLBACK_BIT = 0x8,
    /* The bytes are zeroed (and flushed) by the CPU: of the memory types that serve the intent only host-visible ones
     * are taken, FEATURE_NOT_PRESENT where there are none. */
    BDA_ALLOC_ZERO_BIT = 0x10,
    /* The memory is scratch for acceleration structure builds, which no VkBufferUsageFlagBits says: it is aligned to
     * minAccelerationStructureScratchOffsetAlignment. */
    BDA_ALLOC_ACCELERATION_STRUCTURE_SCRATCH_BIT = 0x20,
    BDA_ALLOC_FLAG_BITS_MAX_ENUM = 0x7FFFFFFF
} BdaAllocFlagBits;
typedef VkFlags BdaAllocFlags;

typedef struct BdaAllocInfo {
    const void *next;
    /* Bytes. Required by bda_alloc; bda_alloc_buffer takes it from the VkBufferCreateInfo and wants 0 or the same. */
    VkDeviceSize size;
    /* The address is a multiple of this and of what `usage` needs: a power of two, at most
     * the largest block (BdaProperties::max_block_size, or the pool's).
     * 0 means 16. Up to BdaProperties::base_alignment the offset in the buffer is a multiple of it too. */
    VkDeviceSize alignment;
    /* VkBufferUsageFlagBits (or …Bits2): what a range will be used for besides being pointed at; decides alignment
     * and pool. 0: reached through pointers only. bda_alloc_buffer takes it from the VkBufferCreateInfo and wants 0. */
    uint64_t usage;
    /* The caller's own value, given back by bda_get_info. What has one, or a name, takes 128 bytes of host memory more,
     * and its free the lock of its pool, or of a part of that. */
    uint64_t user;
    BdaIntent intent;
    BdaAllocFlags flags;
    /* VK_EXT_memory_priority, above 0 to 1; 0 means the default, 0.5. Another priority is another pool. Ignored where
     * memoryPriority is not enabled. */
    float priority;
    /* A pool made by bda_create_pool; NULL: one of the library's own. A pool brings its own intent and priority:
     * leave both 0 here, or the same. Another intent is refused; another priority only where memoryPriority is
     * enabled, and ignored elsewhere. */
    BdaPool pool;
    /* Shown in messages, leak lists and tools; copied. NULL, or empty: none. Cost: see `user`. */
    const char *name;
} BdaAllocInfo;

typedef struct BdaAllocation {
    BdaHandle handle;
    /* The GPU's pointer; valid in every shader of the device until the allocation is freed. */
    VkDeviceAddress address;
    /* The CPU's pointer to the same bytes, NULL where the memory is not host-visible. */
    void *mapped;
    /* The buffer and the offset in it at which the allocation begins (own buffers: 0). */
    VkBuffer buffer;
    VkDeviceSize offset;
    /* What was asked for. */
    VkDeviceSize size;
} BdaAllocation;

/*
 * Allocates a range of a block's buffer: the malloc for pointers.
 * Cost: host memory only while a block has room, no Vulkan call; else one vkAllocateMemory and its companions, with no
 *   lock held meanwhile. (One of several threads may make a block of its own although others' blocks have room, unless
 *   NO_NEW_MEMORY is set.) Where another thread's block is on its way and will have room, that is waited for instead:
 *   no call at all, a few times at most before the request makes its own. Requests over half the largest block, and
 *   flagged ones, are dedicated.
 * Errors: VALIDATION_FAILED (zero size, size over maxBufferSize, maxMemoryAllocationSize or the heap, alignment no
 *   power of two or over the largest block, unknown flags or intent, a pool that is destroyed or made for other usage);
 *   FEATURE_NOT_PRESENT (no memory type serves the intent; usage that no block carries: its feature is not enabled, or
 *   it needs bda_alloc_buffer);
 *   OUT_OF_DEVICE_MEMORY; OUT_OF_HOST_MEMORY; TOO_MANY_OBJECTS.
 * Driver: vkCreateBuffer, vkGetBufferMemoryRequirements2, vkAllocateMemory, vkMapMemory, vkBindBufferMemory,
 *   vkGetBufferDeviceAddress, vkGetPhysicalDeviceMemoryProperties2, vkGetSemaphoreCounterValue, their counterparts.
 * Keeps VUID-vkBindBufferMemory-bufferDeviceAddress-03339, the offset limits of VkPhysicalDeviceLimits for the usage
 *   given, and VUID-VkMappedMemoryRange-offset-00687 for neighbours in non-coherent memory.
 */
BDA_API VkResult bda_alloc(BdaAllocator allocator, const BdaAllocInfo *info, BdaAllocation *allocation);

/*
 * Makes a VkBuffer from `buffer_info` (SHADER_DEVICE_ADDRESS is added to its usage, its pNext is honoured) and binds
 * it into a block of such buffers, or into memory of its own where it is large or the driver prefers so. The buffer
 * belongs to the allocation: bda_free destroys it. `info` may be NULL.
 * Cost: the driver's vkCreateBuffer, vkGetBufferMemoryRequirements2, vkBindBufferMemory and vkGetBufferDeviceAddress,
 *   plus new memory as in bda_alloc when no block has room. Where the feature maintenance4 is enabled, requirements are
 *   asked for once per usage, and for sizes larger than any before.
 * Errors: as bda_alloc; VALIDATION_FAILED also for sparse or protected buffers, opaque capture addresses, and a
 *   VkBufferUsageFlags2CreateInfo without SHADER_DEVICE_ADDRESS in the pNext chain.
 * Notes: VkExternalMemoryBufferCreateInfo in the chain makes the memory dedicated and exportable with its handle types.
 *   VK_BUFFER_CREATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT puts the buffer into memory allocated for capture and replay.
 * Keeps VUID-vkBindBufferMemory-memory-01035, -memoryOffset-01036, -bufferDeviceAddress-03339,
 *   -bufferDeviceAddressCaptureReplay-09200, VUID-VkBufferDeviceAddressInfo-buffer-02601.
 */
BDA_API VkResult bda_alloc_buffer(BdaAllocator allocator, const VkBufferCreateInfo *buffer_info,
                                  const BdaAllocInfo *info, BdaAllocation *allocation);

/*
 * Allocates `count` ranges as bda_alloc does: all of them, or none and all outputs zeroed. count 0 does nothing.
 * The message of a refused item names its index.
 */
BDA_API VkResult bda_alloc_many(BdaAllocator allocator, uint32_t count, const BdaAllocInfo *infos,
                                BdaAllocation *allocations);

/* ---- Freeing -------------------------------------------------------------------------------------------------- */

/*
 * Frees an allocation of either kind; its handle is stale from then on. The GPU must have finished with it.
 * Handle 0 does nothing. Cost: a range, host memory only; an own buffer, vkDestroyBuffer; a dedicated allocation,
 * vkFreeMemory too. Never allocates, works after VK_ERROR_DEVICE_LOST.
 * Errors: VALIDATION_FAILED (double free, stale handle, another allocator's handle), and nothing has changed. Where
 *   there is a message callback it hears what the handle was, or is instead: the history is read for that.
 * Keeps VUID-vkDestroyBuffer-buffer-00922 only if the caller does.
 */
BDA_API VkResult bda_free(BdaAllocator allocator, BdaHandle handle);

/*
 * Frees an allocation once `timeline` has reached `value`, in a later bda_collect (or in an allocation that finds no
 * room; with BDA_ALLOC_NO_NEW_MEMORY_BIT that leaves dedicated ones). The handle is stale at once. Allocates nothing,
 * calls no driver function. The semaphore must live until the free has been collected or the allocator destroyed.
 * Errors: VALIDATION_FAILED (as bda_free; NULL semaphore); FEATURE_NOT_PRESENT (timelineSemaphore is not enabled);
 *   TOO_MANY_OBJECTS (frees are pending on 256 other semaphores; nothing has changed).
 * Frees on more than 256 values at a time are kept in fewer groups, and then wait for the later value of their group.
 */
BDA_API VkResult bda_free_after(BdaAllocator allocator, BdaHandle handle, VkSemaphore timeline, uint64_t value);

/* Frees `count` allocations: all of them, or none when one of the handles is bad (zeros are skipped, a handle given
 * twice is bad; until that is found out, other threads may see the good ones as stale). Errors: as bda_free; the
 * message names the index. */
BDA_API VkResult bda_free_many(BdaAllocator allocator, uint32_t count, const BdaHandle *handles);

/*
 * Releases the pending frees whose semaphores have reached their values, and returns to the driver the empty blocks
 * that exceed what pools keep (BdaAllocatorInfo::keep_empty and keep_collects). Meant for once a frame. Waits for no
 * semaphore. On its way it notes how much is used, for the peaks (BdaUse::peak_used), and for bda_get_quick_stats where
 * that was called since. Cost: linear in pools and threads. Driver: vkGetSemaphoreCounterValue once per distinct
 * semaphore, vkDestroyBuffer and vkFreeMemory for what is released. A lost device counts as finished: everything
 * pending is released, and VK_ERROR_DEVICE_LOST is returned so that the caller learns of it.
 */
BDA_API VkResult bda_collect(BdaAllocator allocator);

/* ---- Pools ---------------------------------------------------------------------------------------------------- */

typedef struct BdaPoolInfo {
    const void *next;
    BdaIntent intent;
    /* BDA_ALLOC_HOST_FALLBACK_BIT is the only flag: it lets the pool itself be made of host memory. */
    BdaAllocFlags flags;
    /* What the pool's ranges are used for, as in BdaAllocInfo; requests may name any part of it. 0: everything but
     * descriptor buffers and video, which need pools of their own. */
    uint64_t usage;
    float priority;
    /* 0: as in BdaAllocatorInfo, resolved for the pool's memory type. Where max_block_size is 0 and first_block_size is
     * not, the largest is raised to that, as far as the heap and the device's limits allow. */
    VkDeviceSize first_block_size;
    VkDeviceSize max_block_size;
    /* The most bytes of device memory that the pool may hold: its blocks, each with all of its bytes, which are 64 KiB
     * at least, and its dedicated allocations. What is left of it serves a request of 64 KiB and above to the last
     * byte, with what alignment, red zones and the driver add: where a block does not fit, such a request becomes
     * dedicated. 0: no limit; from 1 to 65535 is refused. */
    VkDeviceSize limit;
    /* 0: as in BdaAllocatorInfo, all three of them. */
    VkDeviceSize keep_empty;
    uint32_t keep_collects;
    VkDeviceSize low_water;
    /* Shown in messages and given to the pool's Vulkan objects; copied. NULL, or empty: none. */
    const char *name;
} BdaPoolInfo;

/* Makes a pool of its own block sizes, priority and limit, in the best memory type for its intent and usage. It makes
 * no memory yet. A BdaPool is never handed out twice: each takes 120 bytes of host memory until the allocator goes.
 * Errors: VALIDATION_FAILED (NULL, unknown flags or intent, a first block larger than the largest, a limit that no
 * block is within), FEATURE_NOT_PRESENT, OUT_OF_HOST_MEMORY. */
BDA_API VkResult bda_create_pool(BdaAllocator allocator, const BdaPoolInfo *info, BdaPool *pool);

/* Destroys a pool. Pending frees in it are drained; what is still live is listed as in bda_destroy_allocator and
 * freed, and VK_INCOMPLETE returned. Waits for a block that bda_prepare is making for the pool; no other call may be
 * using it. NULL is allowed and does nothing. */
BDA_API VkResult bda_destroy_pool(BdaAllocator allocator, BdaPool pool);

/* The pool's parameters with every default resolved; `name` belongs to the pool. */
BDA_API VkResult bda_get_pool_info(BdaAllocator allocator, BdaPool pool, BdaPoolInfo *info);

/* ---- What is known of an allocation --------------------------------------------------------------------------- */

typedef struct BdaAllocationInfo {
    void *next;
    /* As it was returned; all of it, so a handle alone is enough to keep. */
    BdaAllocation allocation;
    /* NULL: one of the library's own pools. */
    BdaPool pool;
    uint32_t memory_type;
    uint32_t heap;
    VkMemoryPropertyFlags properties;
    VkBool32 dedicated;
    VkBool32 own_buffer;
    /* The memory of a buffer made with VkExternalMemoryBufferCreateInfo, for vkGetMemoryFdKHR and its like: all of it
     * is this allocation's. VK_NULL_HANDLE otherwise. */
    VkDeviceMemory exportable_memory;
    float priority;
    uint64_t user;
    /* Belongs to the allocation: valid until it is renamed or freed. NULL: none. */
    const char *name;
    BdaStack stack; /* where it was allocated; 0: not known */
} BdaAllocationInfo;

/* What was chosen for an allocation. Errors: VALIDATION_FAILED (NULL, a stale or foreign handle). */
BDA_API VkResult bda_get_info(BdaAllocator allocator, BdaHandle handle, BdaAllocationInfo *info);

/* Renames an allocation; the name is copied, NULL or an empty one takes it away. Own buffers and dedicated allocations
 * pass it on to VK_EXT_debug_utils where the instance has it; no other thread may free or rename the allocation
 * meanwhile. Errors: VALIDATION_FAILED, OUT_OF_HOST_MEMORY. */
BDA_API VkResult bda_set_name(BdaAllocator allocator, BdaHandle handle, const char *name);

/* Changes the caller's own value. Errors: VALIDATION_FAILED, OUT_OF_HOST_MEMORY. */
BDA_API VkResult bda_set_user(BdaAllocator allocator, BdaHandle handle, uint64_t user);

/* ---- The CPU's side of mapped memory -------------------------------------------------------------------------- */

/*
 * bda_write copies `size` bytes to `offset` in the allocation and makes them available to the device; bda_read makes
 * the device's writes visible and copies them out. They wait for nothing: what the GPU does with the bytes meanwhile
 * is the caller's to order. bda_flush and bda_invalidate do the same without the copy, for memory written through
 * `mapped`; size VK_WHOLE_SIZE reaches to the end. In coherent memory they call no driver function.
 * Errors: VALIDATION_FAILED (a stale handle, past the end, nothing mapped, NULL data); what vkFlushMappedMemoryRanges
 *   answers. Ranges are widened to whole atoms, none of which is shared with a neighbour.
 * Keeps VUID-VkMappedMemoryRange-size-00685, -offset-00687, -size-01389, -size-01390.
 */
BDA_API VkResult bda_write(BdaAllocator allocator, BdaHandle handle, VkDeviceSize offset, const void *data,
                           VkDeviceSize size);
BDA_API VkResult bda_read(BdaAllocator allocator, BdaHandle handle, VkDeviceSize offset, void *data, VkDeviceSize size);
BDA_API VkResult bda_flush(BdaAllocator allocator, BdaHandle handle, VkDeviceSize offset, VkDeviceSize size);
BDA_API VkResult bda_invalidate(BdaAllocator allocator, BdaHandle handle, VkDeviceSize offset, VkDeviceSize size);

/* ---- Blocks, ahead of time and after -------------------------------------------------------------------------- */

/* Makes blocks now, so that the next `bytes` of requests like `like` (and `buffer_like`) find room and no frame pays
 * for a block (but where several threads allocate: one that has none of its own yet may make one, see bda_alloc):
 * bda_warm_up for bda_alloc, bda_warm_up_buffers for bda_alloc_buffer. `size` of `like` may be 0, `like` of the latter
 * NULL. Nothing is kept on an error. Errors: as for the allocation; VALIDATION_FAILED also for requests that are
 * dedicated by flag, by size or by the driver's wish, since no block serves them. What was made stays, unused, until
 * bda_trim or until a heap is exhausted. Where too little is free, these are the blocks that the pool makes next in any
 * case, each twice as large as the one before, up to the largest: of a new pool up to twice as many bytes are reserved
 * as were asked for and a first block, of one that has grown at least one block of its present size; more with large
 * alignments. */
BDA_API VkResult bda_warm_up(BdaAllocator allocator, const BdaAllocInfo *like, VkDeviceSize bytes);
BDA_API VkResult bda_warm_up_buffers(BdaAllocator allocator, const VkBufferCreateInfo *buffer_like,
                                     const BdaAllocInfo *like, VkDeviceSize bytes);

/* Whether bda_prepare may have something to do: since it last saw to that, an allocation has left a pool below its
 * low-water mark, or a thread's part of a pool below its share of the mark, or a pool with a mark has refused a request
 * with BDA_ALLOC_NO_NEW_MEMORY_BIT. What is free in other parts, or was freed meanwhile, only bda_prepare finds out:
 * with many threads the answer may be yes each frame. VK_FALSE for NULL. Reads one flag and takes no lock: for any
 * thread, each frame. */
BDA_API VkBool32 bda_wants_block(BdaAllocator allocator);

/*
 * Makes the blocks that pools below their low-water mark want, so that no request waits for the driver: call it from a
 * thread that may, when bda_wants_block says so. The library starts no threads of its own. Several may call it at a
 * time; each block is made once, and requests that find no room meanwhile wait for it rather than make their own.
 * Nothing is given back for such a block: it is made only within the heap's budget, limits and counts.
 * VK_SUCCESS; VK_INCOMPLETE where they are reached, so that a pool stays below its mark until it is asked for something
 * again and bda_prepare called again: no error, and no message. Cost: nothing but a lock for each pool above its mark.
 * Of one below it, what threads keep comes back first, once for each block (BdaUse::cached; as bda_trim does it), since
 * that may be enough; if it is not, a block is made at the cost of one in bda_alloc, with no lock held. What was made
 * stays, unused, until bda_trim or until a heap is exhausted. Errors: OUT_OF_HOST_MEMORY, what the driver answers; the
 * other pools' blocks are made all the same. Driver: vkCreateBuffer, vkGetBufferMemoryRequirements2, vkAllocateMemory,
 * vkMapMemory, vkBindBufferMemory, vkGetBufferDeviceAddress, vkGetPhysicalDeviceMemoryProperties2, their counterparts.
 */
BDA_API VkResult bda_prepare(BdaAllocator allocator);

/* Gives empty blocks back to the driver until at most `keep` bytes of them are left in the whole allocator, the
 * largest first; 0 keeps none. Collects pending frees first, and goes on after VK_ERROR_DEVICE_LOST, which it returns;
 * another error ends it there. `released` (may be NULL) says, whatever is returned, how many bytes of memory the call
 * gave back: blocks that were empty or became it by the collecting, and dedicated ones that were pending. What
 * BDA_CHECK_QUARANTINE_BIT holds stays, with its blocks, or who trims each frame would have none. */
BDA_API VkResult bda_trim(BdaAllocator allocator, VkDeviceSize keep, VkDeviceSize *released);

/* ---- What the allocator knows and is told --------------------------------------------------------------------- */

/* Tells what the caller takes from a heap without the library (images, another allocator): `bytes` in `count`
 * VkDeviceMemory objects, replacing what was told for this heap before. Counted against maxMemoryAllocationCount
 * and, where the driver reports no usage of its own (VK_EXT_memory_budget), against the budget; always against
 * BdaAllocatorInfo::heap_limits. Errors: VALIDATION_FAILED (no such heap). */
BDA_API VkResult bda_set_external_use(BdaAllocator allocator, uint32_t heap, VkDeviceSize bytes, uint32_t count);

/* What the allocator resolved at its creation: defaults, limits, what it found enabled. */
typedef struct BdaProperties {
    void *next;
    uint32_t api_version; /* the highest version whose functions are used */
    VkDeviceSize first_block_size;
    VkDeviceSize max_block_size;
    VkDeviceSize max_host_visible_block_size;
    VkDeviceSize keep_empty;
    uint32_t keep_collects;
    VkDeviceSize low_water;
    VkDeviceSize granule;             /* ranges begin and end on multiples of it */
    VkDeviceSize base_alignment;      /* blocks that are shared begin on a multiple of it */
    VkDeviceSize max_allocation_size; /* the largest single request, any heap */
    VkDeviceSize non_coherent_atom;
    VkDeviceSize uniform_alignment;
    VkDeviceSize storage_alignment;
    VkDeviceSize texel_alignment;
    VkDeviceSize acceleration_structure_alignment; /* 0 and those below: the feature is not enabled */
    VkDeviceSize scratch_alignment;
    VkDeviceSize shader_binding_table_alignment;
    VkDeviceSize descriptor_buffer_alignment;
    uint64_t range_usage;        /* usages that the pools of pointers serve */
    uint32_t max_memory_count;   /* maxMemoryAllocationCount */
    uint32_t queue_family_count; /* 0: exclusive to whoever uses it; else concurrent over so many */
    VkBool32 memory_budget;
    VkBool32 memory_priority;
    VkBool32 timeline_semaphore;
    VkBool32 debug_utils;
    BdaCheckFlags checks; /* the modes that are on: the info's and those of BDA_DEBUG */
} BdaProperties;

/* Errors: VALIDATION_FAILED (NULL). Costs a copy. */
BDA_API VkResult bda_get_properties(BdaAllocator allocator, BdaProperties *properties);

/* Checks every invariant of the allocator: ranges tile their blocks, no two free neighbours, lists and bitmaps tell
 * the truth, counters agree. Linear in everything; for tests and debugging. VK_SUCCESS, or VK_ERROR_UNKNOWN with a
 * message that names what is broken: a defect of the library, or its memory was overwritten. Errors:
 * OUT_OF_HOST_MEMORY. */
BDA_API VkResult bda_check(BdaAllocator allocator);

#ifdef __cplusplus
}
#endif

#include "bdaalloc_arena.h" /* what lives for a frame */
#include "bdaalloc_debug.h" /* whose address it is, and checking modes */
#include "bdaalloc_stats.h" /* figures, budgets, heap dumps */

#endif
