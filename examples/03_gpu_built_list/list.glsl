// What the builder and the walker agree on. The CPU knows the same layouts, in main.c.
//
// A node          offset 0   address of the next node of its chain, or 0 at the end: only the GPU ever writes it
//                        8   key
//                       12   value
// The table                  one address per bucket: the first node of its chain, or 0
// An item         offset 0   address of the node that the CPU allocated for it
//                        8   key
//                       12   value

layout(local_size_x = 64) in;

layout(push_constant) uniform Push {
    bda_ptr table;
    bda_ptr items;   // to build from
    bda_ptr queries; // keys to look up
    bda_ptr answers; // to the queries
    uint bucket_mask;
    uint item_count;
    uint query_count;
}
push;

// The address of the bucket for a key: a multiplicative hash, whose high bits are the good ones.
bda_ptr find_bucket(uint key) {
    return bda_element(push.table, (key * 2654435769u >> 12) & push.bucket_mask, 8u);
}
