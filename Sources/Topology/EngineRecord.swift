// Reads topology.json beside an engine's files. Folders that an engine wrote have none; where there is one, the files
// are exactly those that it lists.

import Checkpoints
import Diagnostics
import Documents

/// The record of a folder of an engine's rank files.
struct EngineRecord: Sendable {
    let topology: ParallelTopology
    let placement: ExpertPlacement
    let files: [ArtefactFile]

    /// Reads the record of a folder; nil where there is none.
    ///
    /// - Throws: `TOPO-016` for anything that such a record does not say.
    static func read(_ folder: String, _ form: EngineForm) throws(Failure) -> EngineRecord? {
        let path = joined(folder, SliceRecord.fileName)
        guard FileAccess.kind(path) == .file else { return nil }
        let bytes = try FileAccess.read(path, limit: 1 << 28)
        let value: JSONValue
        do throws(JSONError) { value = try JSONValue(parsing: bytes) } catch {
            throw Failure(Finding(error, code: .rankRecordMalformed, file: path))
        }
        do throws(DocumentError) { return try EngineRecord(try StrictReader(value), form) } catch {
            throw Failure(Finding(error, code: .rankRecordMalformed, file: path))
        }
    }

    private init(_ reader: StrictReader, _ form: EngineForm) throws(DocumentError) {
        try reader.schema(SliceRecord.schema)
        guard try reader.string("form") == form.rawValue else {
            throw reader.mismatch("form", "\(form.rawValue), as the files are called")
        }
        for key in ["plan_sha256", "source"] { _ = try reader.string(key) }
        let name = try reader.string("topology")
        guard let topology = try? ParallelTopology(name), topology.data == 1,
            [1, topology.tensor].contains(topology.expert)
        else { throw reader.mismatch("topology", "a topology of \(form.rawValue), such as tp4-ep4") }
        self.topology = topology
        // Experts in a stack have no numbers: only a rule can say which they are.
        switch try reader.string("placement") {
        case ExpertPlacement.Name.linear.rawValue: placement = .linear
        case ExpertPlacement.Name.roundRobin.rawValue: placement = .roundRobin
        default: throw reader.mismatch("placement", "linear or round-robin")
        }
        files = try RankRecord.files(reader, "files")
        try reader.finish()
    }

    /// What the folder holds otherwise than the record says, but for the bytes of tensors.
    func findings(_ ranked: [EngineFolder.RankedFile], _ folder: String) -> [Finding] {
        var collector = FindingCollector()
        var found = Dictionary(ranked.map { ($0.name, $0.rank) }) { first, _ in first }
        for file in files {
            let path = joined(folder, file.name)
            guard let rank = found.removeValue(forKey: file.name) else {
                collector.add(
                    Finding(
                        .error, .rankMissing, "a file of a rank is not there", file: path,
                        expected: "a file of \(grouped(file.sealed.bytes)) bytes", found: "nothing there",
                        remedy: "copy this file again"))
                continue
            }
            if rank.stage >= topology.pipeline || rank.tensor >= topology.tensor {
                collector.add(
                    Finding(
                        .error, .rankRecordMalformed, "a file is of a rank that the topology has not",
                        file: path, expected: "ranks of \(topology.name)",
                        found: "stage \(rank.stage), tensor rank \(rank.tensor)",
                        remedy: "copy \(SliceRecord.fileName) again"))
            }
            guard let size = (try? FileAccess.identity(path))?.size, size != file.sealed.bytes else {
                continue
            }
            collector.add(
                Finding(
                    .error, .sliceAltered, "a file of a rank is not what was written", file: path,
                    expected: "\(grouped(file.sealed.bytes)) bytes", found: "\(grouped(size)) bytes",
                    remedy: "copy this file again"))
        }
        for name in found.keys.sorted() {
            collector.add(
                Finding(
                    .error, .rankRecordMalformed, "a rank's file is none of those that were written",
                    file: joined(folder, name), expected: "the files that \(SliceRecord.fileName) lists",
                    found: "a file beside them", remedy: "move this file away"))
        }
        return collector.findings
    }
}
