// Puts a checkpoint back from a folder of ranks: every shard with its own header, so that the files are those that
// were sliced, to the last byte. Every slice of every rank is compared with its digest on the way.

import Checkpoints
import Diagnostics
import Documents
import Tensors

/// A plan to gather a folder of ranks.
package struct RankGatherPlan: Sendable {
    let record: RankRecord

    /// Opens a folder and checks all of it that can be checked without reading tensor data.
    ///
    /// - Throws: `TOPO-016` for a record that makes no sense, `TOPO-017` for ranks that are not there,
    ///   `TOPO-018` for files that are not those that were written.
    package init(_ folder: String) throws(Failure) {
        record = try RankRecord.read(folder)
        try Self.findings(record).throwErrors()
        try Self.headerFindings(record).throwErrors()
    }

    /// Whether the shards are those whose headers were kept, and their tensors those of the record: a shard that
    /// the record lost would be missing in the checkpoint without a sign.
    private static func headerFindings(_ record: RankRecord) throws(Failure) -> [Finding] {
        var collector = FindingCollector()
        func malformed(_ what: String, tensor: String? = nil, _ expected: String, _ found: String) {
            collector.add(
                Finding(
                    .error, .rankRecordMalformed, what, file: joined(record.folder, SliceRecord.fileName),
                    tensor: tensor, expected: expected, found: found,
                    remedy: "copy topology.json and the folder source again"))
        }
        var carried = Dictionary(record.carried.map { ($0.name, $0.sealed) }) { first, _ in first }
        var unused = Set(record.names)
        for shard in record.shards {
            guard let sealed = carried.removeValue(forKey: shard.headerPath) else {
                malformed(
                    "a shard is without its header", "\(shard.headerPath) among the carried files",
                    "no such file")
                continue
            }
            let (bytes, header) = try shard.header(in: record.folder)
            let digest = FileDigest.of(bytes)
            if digest != sealed.digest {
                collector.add(
                    Finding(
                        .error, .sliceAltered, "a carried file is not what was written",
                        file: joined(record.folder, shard.headerPath),
                        expected: "SHA-256 \(sealed.digest)", found: digest,
                        remedy: "copy this file again"))
            }
            for tensor in header.tensors { unused.remove(tensor.name) }
        }
        for name in carried.keys.sorted() where name.hasSuffix(SliceRecord.headerSuffix) {
            malformed(
                "a header is of no shard of the record", "a shard for \(name)",
                "\(record.shards.count) shards, none of them its own")
        }
        if let first = unused.min() {
            malformed(
                "the record has slices of tensors that stand in no shard", tensor: first,
                "tensors of \(record.shards.count) shards", "\(grouped(unused.count)) others")
        }
        return collector.findings
    }

    private static func findings(_ record: RankRecord) -> [Finding] {
        var collector = FindingCollector()
        var absent: [String: Int] = [:]
        for file in record.files + record.carried {
            let path = joined(record.folder, file.name)
            guard FileAccess.kind(path) == .file else {
                let parts = file.name.split(separator: "/")
                let inner = parts.count == 2 ? String(parts[0]) : ""
                if FileAccess.kind(joined(record.folder, inner)) == .folder {
                    collector.add(
                        Finding(
                            .error, .rankMissing, "a file of a rank is not there", file: path,
                            expected: "a file of \(grouped(file.sealed.bytes)) bytes", found: "nothing there",
                            remedy: "copy this rank's folder again"))
                } else {
                    absent[inner, default: 0] += 1
                }
                continue
            }
            guard let size = (try? FileAccess.identity(path))?.size, size != file.sealed.bytes else {
                continue
            }
            collector.add(
                Finding(
                    .error, .sliceAltered, "a file of a rank is not what was written", file: path,
                    expected: "\(grouped(file.sealed.bytes)) bytes", found: "\(grouped(size)) bytes",
                    remedy: "copy this rank's folder again"))
        }
        for (folder, count) in absent.sorted(by: { $0.key < $1.key }) {
            collector.add(
                Finding(
                    .error, .rankMissing, "the folder of a rank is not there",
                    file: joined(record.folder, folder), expected: "\(count) files of rank slices",
                    found: "nothing there", remedy: "copy this folder from where it was made"))
        }
        return collector.findings
    }
}

extension RankGatherPlan: UnitPlan {
    package var stage: String { "gather" }
    package var sourceFolder: String { record.folder }

    package var byteCount: Int {
        record.shards.reduce(0) { $0 + $1.bytes } + record.carried.reduce(0) { $0 + $1.sealed.bytes }
    }

    package var digest: String {
        FileDigest.of(
            (["gather ranks", record.planDigest] + record.files.map(\.sealed.digest)).joined(
                separator: "\n"))
    }

    package var units: [RankGatherUnit] {
        record.shards.map { shard in
            RankGatherUnit(
                record: record, shard: shard,
                slices: record.files.filter { $0.name.hasSuffix("/" + shard.name) }.map(\.name))
        }
    }

    package func writeFront(
        _ units: [SealedUnit<DigestList>], into output: OutputFolder
    ) throws(Failure) {
        let folder = output.partial
        let prefix = SliceRecord.sourceFolder + "/"
        for file in record.carried where !file.name.hasSuffix(SliceRecord.headerSuffix) {
            let name =
                file.name.hasPrefix(prefix) ? String(file.name.dropFirst(prefix.count)) : file.name
            let sealed = try copyFile(joined(record.folder, file.name), to: joined(folder, name))
            guard sealed == file.sealed else {
                throw Failure(
                    Finding(
                        .error, .sliceAltered, "a carried file is not what was written",
                        file: joined(record.folder, file.name), expected: "SHA-256 \(file.sealed.digest)",
                        found: sealed.digest, remedy: "copy this file again"))
            }
        }
    }
}

/// One shard to be put back.
package struct RankGatherUnit: WorkUnit {
    let record: RankRecord
    let shard: RankRecord.Shard
    /// Paths of the rank files with slices of it.
    let slices: [String]

    package var key: String { shard.name }
    package var sourceByteCount: Int { shard.bytes }

    package func sources() throws(Failure) -> [SourceFile] {
        var files: [SourceFile] = []
        for slice in slices {
            let path = joined(record.folder, slice)
            files.append(SourceFile(path: path, identity: try FileAccess.identity(path)))
        }
        return files
    }

    package func files() throws(Failure) -> [PlannedFile] {
        [PlannedFile(name: shard.name, bytes: shard.bytes)]
    }

    package func run(
        into place: UnitPlace, budget: MoveBudget, progress: any ProgressSink
    ) throws(Failure) -> UnitProduct<DigestList> {
        try gather().run(into: place, budget: budget, progress: progress)
    }

    /// Lays the shard out from the headers of the rank files.
    private func gather() throws(Failure) -> GatherUnit {
        let (head, header) = try shard.header(in: record.folder)
        var source: [SourceFile] = []
        var held: [Int: (file: Int, tensors: [String: TensorRecord])] = [:]  // by rank
        for (number, name) in slices.enumerated() {
            let path = joined(record.folder, name)
            let header = try ShardHeader.read(path: path)
            source.append(SourceFile(path: path, identity: try FileAccess.identity(path)))
            guard let rank = Self.rank(of: name) else { continue }
            held[rank] = (
                number, Dictionary(header.tensors.map { ($0.name, $0) }) { first, _ in first }
            )
        }
        var assembly = RankAssembly(record: record, held: held, files: slices)
        var tensors: [GatherTensor] = []
        for tensor in header.tensors { tensors.append(try assembly.tensor(tensor)) }
        return GatherUnit(
            path: shard.name, source: SourceFiles(source), tensors: tensors, expected: assembly.expected,
            head: head)
    }

    /// The number in `rank-00003/model.safetensors`.
    private static func rank(of name: String) -> Int? {
        name.split(separator: "/").first.flatMap { $0.split(separator: "-").last }.flatMap { Int($0) }
    }
}

extension RankRecord.Shard {
    /// Where the header of the source stands, from the folder of ranks.
    var headerPath: String { SliceRecord.sourceFolder + "/" + name + SliceRecord.headerSuffix }

    /// The first bytes of the source's file, and what they say.
    func header(in folder: String) throws(Failure) -> (bytes: [UInt8], header: ShardHeader) {
        let path = joined(folder, headerPath)
        let head = try FileAccess.read(path, limit: 1 << 27)
        return (head, try Self.header(head, fileSize: bytes, path: path))
    }

    private static func header(_ bytes: [UInt8], fileSize: Int, path: String) throws(Failure) -> ShardHeader {
        let result: Result<ShardHeader, HeaderError> = bytes.withUnsafeBytes { buffer in
            guard buffer.count >= 8 else { return .failure(.fileTooShort(fileSize: buffer.count)) }
            do throws(HeaderError) {
                return .success(
                    try ShardHeader(
                        parsing: UnsafeRawBufferPointer(rebasing: buffer[8...]), fileSize: fileSize,
                        mode: .strict))
            } catch { return .failure(error) }
        }
        switch result {
        case .success(let header): return header
        case .failure(let error): throw Failure(error.finding(file: path))
        }
    }
}
