//! Where the bytes of a policy come from: registries, URLs, folders; and whether their signature holds.
