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
    var stage: String { "gather" }
    var sourceFolder: String { record.folder }
    var folders: [String] { [] }

    package var byteCount: Int {
        record.shards.reduce(0) { $0 + $1.bytes } + record.carried.reduce(0) { $0 + $1.sealed.bytes }
    }

    var digest: String {
        FileDigest.of(
            (["gather ranks", record.planDigest] + record.files.map(\.sealed.digest)).joined(
                separator: "\n"))
    }

    var units: [RankGatherUnit] {
        record.shards.map { shard in
            RankGatherUnit(
                record: record, shard: shard,
                files: record.files.filter { $0.name.hasSuffix("/" + shard.name) }.map(\.name))
        }
    }

    func writeFront(_ units: [SealedUnit], into folder: String) throws(Failure) {
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
struct RankGatherUnit: WorkUnit {
    let record: RankRecord
    let shard: RankRecord.Shard
    /// Paths of the rank files with slices of it.
    let files: [String]

    var key: String { shard.name }
    var sourceByteCount: Int { shard.bytes }

    func sourceIdentity() throws(Failure) -> String {
        var lines: [String] = []
        for file in files { lines.append(try FileAccess.identity(joined(record.folder, file)).text) }
        return lines.joined(separator: "; ")
    }

    func run(
        into folder: String, budget: MoveBudget, progress: any ProgressSink
    ) throws(Failure) -> SealedUnit {
        let identity = try sourceIdentity()
        let sealed = try gather().run(into: folder, budget: budget, progress: progress)
        return SealedUnit(key: key, files: sealed.files, digests: [], source: identity)
    }

    /// Lays the shard out from the headers of the rank files.
    private func gather() throws(Failure) -> GatherUnit {
        let path = joined(
            joined(record.folder, SliceRecord.sourceFolder), shard.name + SliceRecord.headerSuffix)
        let head = try FileAccess.read(path, limit: 1 << 27)
        let header = try Self.header(head, fileSize: shard.bytes, path: path)
        var source: [SourceFiles.File] = []
        var held: [Int: (file: Int, tensors: [String: TensorRecord])] = [:]  // by rank
        for (number, name) in files.enumerated() {
            let path = joined(record.folder, name)
            let header = try ShardHeader.read(path: path)
            source.append(SourceFiles.File(path: path, identity: try FileAccess.identity(path)))
            guard let rank = Self.rank(of: name) else { continue }
            held[rank] = (
                number, Dictionary(header.tensors.map { ($0.name, $0) }) { first, _ in first }
            )
        }
        var assembly = RankAssembly(record: record, held: held, files: files)
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
