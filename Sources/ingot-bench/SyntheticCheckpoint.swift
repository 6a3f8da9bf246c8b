// A checkpoint of Ling-flash's matrices with fewer layers and experts, made here: a few gigabytes to convert.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import Glibc
import Tensors

/// Writes the checkpoint into a folder, in shards of about a size; bytes of tensor data.
func writeSyntheticCheckpoint(_ folder: String, layers: Int, experts: Int, shardBytes: Int) throws -> Int {
    let document = syntheticConfig(layers: layers, experts: experts)
    let inventory = TensorInventory(try BailingMoeV2Configuration(document))
    try FileAccess.createFolder(folder)
    let shards = cut(inventory.entries, shardBytes: shardBytes)
    let pattern = UnsafeMutableBufferPointer<UInt16>.allocate(capacity: 8 << 20)
    defer { pattern.deallocate() }
    fillWithWeights(pattern)
    var written: [(name: String, header: ShardHeader)] = []
    for (index, entries) in shards.enumerated() {
        let name = shardName(index, of: shards.count)
        written.append((name, try writeShard(joined(folder, name), entries, pattern)))
    }
    _ = try FileAccess.writeSealed(
        CheckpointIndex(of: written).text, to: joined(folder, CheckpointIndex.fileName))
    _ = try FileAccess.writeSealed(document.text(), to: joined(folder, "config.json"))
    return written.reduce(0) { $0 + $1.header.dataBytes }
}

private func cut(_ entries: [InventoryEntry], shardBytes: Int) -> [ArraySlice<InventoryEntry>] {
    var shards: [ArraySlice<InventoryEntry>] = []
    var start = 0
    var size = 0
    for (index, entry) in entries.enumerated() {
        if size + entry.byteCount > shardBytes, index > start {
            shards.append(entries[start..<index])
            start = index
            size = 0
        }
        size += entry.byteCount
    }
    shards.append(entries[start...])
    return shards
}

private func writeShard(
    _ path: String, _ entries: ArraySlice<InventoryEntry>, _ pattern: UnsafeMutableBufferPointer<UInt16>
) throws -> ShardHeader {
    let (bytes, header) = try ShardHeader.written(
        entries.map { TensorDescription(name: $0.name, dtype: $0.dtype, shape: $0.shape) })
    let writer = try WriteBehind(
        path: path, length: header.fileSize, longest: 4 << 20, block: 4 << 20, depth: 3)
    _ = try writer.append(bytes.count) { $0.copyBytes(from: bytes) }
    for (turn, entry) in entries.enumerated() { try append(entry, turn, pattern, to: writer) }
    _ = try writer.seal()
    return header
}

private func append(
    _ entry: InventoryEntry, _ turn: Int, _ pattern: UnsafeMutableBufferPointer<UInt16>,
    to writer: WriteBehind
) throws(Failure) {
    if entry.dtype == .f32 {
        return try writer.append(entry.byteCount) { room in
            for index in room.indices { room[index] = 0 }
        }
    }
    var left = entry.byteCount
    while left > 0 {
        let count = min(left, 4 << 20)
        // A different window of the pattern for each piece.
        let start = (turn &* 104_729 &+ left / 2) % (pattern.count - (2 << 20))
        let window = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: pattern[start...])).prefix(count)
        try writer.append(count) { $0.copyBytes(from: window) }
        left -= count
    }
}

/// Ling-flash-2.0's config with fewer layers, experts and vocabulary rows.
private func syntheticConfig(layers: Int, experts: Int) -> JSONValue {
    [
        "architectures": ["BailingMoeV2ForCausalLM"], "model_type": "bailing_moe",
        "num_hidden_layers": .integer(layers),
        "hidden_size": 4096, "intermediate_size": 9216, "moe_intermediate_size": 1024,
        "moe_shared_expert_intermediate_size": 1024, "num_shared_experts": 1,
        "num_experts": .integer(experts),
        "num_experts_per_tok": 8, "n_group": 8, "topk_group": 4, "first_k_dense_replace": 1,
        "norm_topk_prob": true,
        "routed_scaling_factor": .real(2.5), "score_function": "sigmoid",
        "moe_router_enable_expert_bias": true,
        "router_dtype": "fp32", "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128,
        "partial_rotary_factor": .real(0.5), "rope_theta": 600_000, "rope_scaling": nil,
        "max_position_embeddings": 32_768, "vocab_size": 8192, "rms_norm_eps": .real(1e-6),
        "use_rmsnorm": true,
        "use_qk_norm": true, "use_qkv_bias": false, "use_bias": false, "hidden_act": "silu",
        "tie_word_embeddings": false, "eos_token_id": 8000, "pad_token_id": 8001, "torch_dtype": "bfloat16",
    ]
}
