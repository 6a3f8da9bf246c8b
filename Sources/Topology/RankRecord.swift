// Reads topology.json. A large model has hundreds of thousands of slices: they are kept in flat arrays, and the
// document is never in memory as values.

import Checkpoints
import Diagnostics
import Documents
import Tensors

/// The record of a folder of ranks.
struct RankRecord: Sendable {
    /// A stored tensor of the source.
    struct Tensor: Sendable {
        let dtype: DType
        let shape: Shape
        /// 0, 1, or nil for whole parts.
        let axis: Int?
        /// Indices into the flat arrays.
        let slices: Range<Int>
    }

    /// A source file.
    struct Shard: Sendable {
        let name: String
        let bytes: Int
    }

    let folder: String
    private(set) var shards: [Shard] = []
    private(set) var carried: [ArtefactFile] = []
    private(set) var files: [ArtefactFile] = []
    private(set) var planDigest = ""
    private(set) var topology = ParallelTopology()
    private var tensors: [Tensor] = []
    private var places: [String: Int] = [:]
    private(set) var digests: [TensorDigest.Value] = []
    // Per slice, where its ranks and ranges start; one more than slices.
    private var rankStarts: [UInt32] = [0]
    private var rangeStarts: [UInt32] = [0]
    private var rankList: [UInt16] = []
    private var rangeList: [UInt32] = []

    subscript(name: String) -> Tensor? { places[name].map { tensors[$0] } }

    var tensorCount: Int { tensors.count }

    /// Names of the tensors, in no order.
    var names: some Collection<String> { places.keys }

    /// The ranks that hold a slice, its owner first.
    func ranks(_ slice: Int) -> [Int] {
        rankList[Int(rankStarts[slice])..<Int(rankStarts[slice + 1])].map(Int.init)
    }

    /// The rows or columns of a slice, ascending.
    func ranges(_ slice: Int) -> [Range<Int>] {
        stride(from: Int(rangeStarts[slice]), to: Int(rangeStarts[slice + 1]), by: 2).map {
            Int(rangeList[$0])..<Int(rangeList[$0]) + Int(rangeList[$0 + 1])
        }
    }

    /// Reads the record of a folder.
    ///
    /// - Throws: `TOPO-016` for anything that such a record does not say.
    static func read(_ folder: String) throws(Failure) -> RankRecord {
        let path = joined(folder, SliceRecord.fileName)
        let bytes = try FileAccess.read(path, limit: 1 << 31)
        var record = RankRecord(folder: folder)
        let result: Result<RankRecord, Failure> = bytes.withUnsafeBytes { buffer in
            do throws(JSONError) {
                if let error = try record.parse(buffer) {
                    return .failure(Failure(Finding(error, code: .rankRecordMalformed, file: path)))
                }
                return .success(record)
            } catch { return .failure(Failure(Finding(error, code: .rankRecordMalformed, file: path))) }
        }
        return try result.get()
    }

    private init(folder: String) { self.folder = folder }

    private mutating func parse(_ bytes: UnsafeRawBufferPointer) throws(JSONError) -> DocumentError? {
        guard isUTF8(bytes) else { throw JSONError(.notUTF8, at: 0) }
        var scanner = JSONScanner(bytes)
        var head = JSONObject()
        try scanner.enter(UInt8(ascii: "{"))
        var first = true
        while try scanner.nextMember(closing: UInt8(ascii: "}"), first: &first) {
            let at = scanner.position
            let key = try scanner.takeString()
            try scanner.take(UInt8(ascii: ":"))
            if key == "tensors" {
                if let error = try readTensors(&scanner) { return error }
            } else {
                guard head[key] == nil else { throw JSONError(.duplicateKey(key), at: at) }
                head[key] = try JSONValue.read(&scanner)
            }
        }
        try scanner.finish()
        do throws(DocumentError) { try readHead(try StrictReader(.object(head))) } catch { return error }
        return nil
    }

    // MARK: Head

    private mutating func readHead(_ reader: StrictReader) throws(DocumentError) {
        try reader.schema(SliceRecord.schema)
        guard try reader.string("form") == "ranks" else { throw reader.mismatch("form", "ranks") }
        planDigest = try reader.string("plan_sha256")
        for key in ["source", "rules", "all_to_all", "placement"] { _ = try reader.string(key) }
        _ = try reader.integer("vocabulary_multiple")
        _ = try reader.integers("stages")
        do throws(Failure) { topology = try ParallelTopology(try topologyName(reader)) } catch {
            throw reader.mismatch("topology", "a topology such as tp4-dp2-ep8")
        }
        for shard in try reader.objects("shards") {
            let name = try Self.plain(shard, "name")
            guard !shards.contains(where: { $0.name == name }) else {
                throw shard.mismatch("name", "each shard once")
            }
            let bytes = try shard.integer("bytes")
            guard bytes >= 8 else { throw shard.mismatch("bytes", "the length of a file") }
            shards.append(Shard(name: name, bytes: bytes))
            try shard.finish()
        }
        carried = try Self.files(reader, "carried")
        files = try Self.files(reader, "files")
        try reader.finish()
    }

    private func topologyName(_ reader: StrictReader) throws(Failure) -> String {
        do throws(DocumentError) { return try reader.string("topology") } catch {
            throw Failure(Finding(error, code: .rankRecordMalformed, file: SliceRecord.fileName))
        }
    }

    /// The files that a record lists, each once.
    static func files(_ reader: StrictReader, _ key: String) throws(DocumentError) -> [ArtefactFile] {
        var files: [ArtefactFile] = []
        var names: Set<String> = []
        for file in try reader.objects(key) {
            let name = try file.string("name")
            let parts = name.split(separator: "/", omittingEmptySubsequences: false)
            // A record must not lead out of its folder.
            guard parts.count <= 2, parts.allSatisfy({ isPlainFileName(String($0)) }) else {
                throw file.mismatch("name", "a file of this folder")
            }
            guard names.insert(name).inserted else { throw file.mismatch("name", "each file once") }
            let bytes = try file.integer("bytes")
            guard bytes >= 0 else { throw file.mismatch("bytes", "the length of a file") }
            files.append(
                ArtefactFile(
                    name: name,
                    sealed: WriteBehind.Sealed(bytes: bytes, digest: try file.string("sha256"))))
            try file.finish()
        }
        return files
    }

    private static func plain(_ reader: StrictReader, _ key: String) throws(DocumentError) -> String {
        let name = try reader.string(key)
        guard isPlainFileName(name) else { throw reader.mismatch(key, "a plain file name") }
        return name
    }

    // MARK: Tensors

    private mutating func readTensors(_ scanner: inout JSONScanner) throws(JSONError) -> DocumentError? {
        try scanner.enter(UInt8(ascii: "["))
        var first = true
        while try scanner.nextMember(closing: UInt8(ascii: "]"), first: &first) {
            let value = try JSONValue.read(&scanner)
            do throws(DocumentError) {
                try readTensor(try StrictReader(value, path: "tensors[\(tensors.count)]"))
            } catch { return error }
        }
        return nil
    }

    private mutating func readTensor(_ reader: StrictReader) throws(DocumentError) {
        let name = try reader.string("name")
        guard places[name] == nil else { throw reader.mismatch("name", "each tensor once") }
        guard let dtype = DType(rawValue: try reader.string("dtype")) else {
            throw reader.mismatch("dtype", "an element type of safetensors")
        }
        let shape = Shape(try reader.integers("shape"))
        let limit = Int(UInt32.max)
        guard shape.dimensions.allSatisfy({ (0...limit).contains($0) }), shape.byteCount(dtype) != nil else {
            throw reader.mismatch("shape", "dimensions of a tensor")
        }
        let axis = reader.has("axis") ? try reader.integer("axis") : nil
        guard axis == nil || (axis == 0 && shape.rank > 0) || (axis == 1 && shape.rank == 2) else {
            throw reader.mismatch("axis", "0, 1 or null, of the shape")
        }
        let size = axis.map { shape.dimensions[$0] } ?? shape.dimensions.first ?? 1
        let start = digests.count
        for slice in try reader.objects("slices") { try readSlice(slice, size: size, isCut: axis != nil) }
        try reader.finish()
        places[name] = tensors.count
        tensors.append(Tensor(dtype: dtype, shape: shape, axis: axis, slices: start..<digests.count))
    }

    private mutating func readSlice(_ reader: StrictReader, size: Int, isCut: Bool) throws(DocumentError) {
        let ranks = try reader.integers("ranks")
        guard !ranks.isEmpty, ranks.allSatisfy({ (0..<Int(UInt16.max)).contains($0) }) else {
            throw reader.mismatch("ranks", "numbers of ranks, one at least")
        }
        guard case .array(let pairs) = try reader.required("ranges"), !pairs.isEmpty else {
            throw reader.mismatch("ranges", "pairs of a start and a length")
        }
        var end = 0
        for pair in pairs {
            guard case .array(let numbers) = pair, numbers.count == 2, case .number(let a) = numbers[0],
                case .number(let b) = numbers[1], let from = a.integer, let count = b.integer, from >= end,
                count >= 0, count <= size, from <= size - count
            else {
                throw reader.mismatch("ranges", "pairs of a start and a length, ascending, within \(size)")
            }
            end = from + count
            guard isCut || (from == 0 && count == size) else {
                throw reader.mismatch("ranges", "all of the tensor, which no axis cuts")
            }
            rangeList += [UInt32(from), UInt32(count)]
        }
        guard let digest = TensorDigest.Value(try reader.string("xxh3")) else {
            throw reader.mismatch("xxh3", "32 hexadecimal digits")
        }
        try reader.finish()
        digests.append(digest)
        rankList += ranks.map { UInt16($0) }
        rankStarts.append(UInt32(rankList.count))
        rangeStarts.append(UInt32(rangeList.count))
    }
}
