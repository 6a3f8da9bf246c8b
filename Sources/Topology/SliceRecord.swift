// topology.json of the output form `ranks`: the topology, the files, and of every stored tensor its global shape,
// the axis of the cut, and for each distinct slice its rows or columns, its holders and its digest.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import Tensors

/// Writes the record of a sliced checkpoint.
enum SliceRecord {
    static let fileName = topologyFileName
    static let schema = 1
    /// Headers and index of the source, as they were.
    static let sourceFolder = "source"
    static let headerSuffix = ".header"

    static func write(
        _ plan: RankSlicePlan, _ units: [SealedUnit<DigestList>], carried: [ArtefactFile], to path: String
    ) throws(Failure) {
        let rules = plan.rules
        var head = JSONObject()
        head["schema"] = .integer(schema)
        head["form"] = "ranks"
        head["plan_sha256"] = .string(plan.digest)
        head["source"] = .string(lastComponent(plan.checkpoint.folder))
        head["topology"] = .string(rules.topology.name)
        head["rules"] = .string(rules.family.rawValue)
        head["all_to_all"] = .string(rules.allToAll.rawValue)
        head["placement"] = .string(rules.placement.name.rawValue)
        head["vocabulary_multiple"] = .integer(rules.vocabularyMultiple)
        head["stages"] = .array(rules.stages.stages.map { .integer($0.count) })
        head["shards"] = .array(
            plan.checkpoint.shards.map {
                ["name": .string($0.name), "bytes": .integer($0.header.fileSize)]
            })
        head["carried"] = .array(carried.map(\.document))
        head["files"] = .array(units.flatMap(\.files).map(\.document))
        let opening = JSONValue.object(head).text().dropLast(2) + ",\n  \"tensors\": ["
        let work = plan.units
        let shards = plan.checkpoint.shards.count
        let firstWithTensors = plan.checkpoint.shards.firstIndex { !$0.header.tensors.isEmpty }
        // A shard at a time: its groups of ranks say of each tensor who holds what.
        let pieces = (0..<shards + 2).lazy.map { index in
            switch index {
            case 0: return String(opening)
            case shards + 1: return "\n  ]\n}\n"
            default:
                let own = zip(work, units).filter { $0.0.shard == index - 1 }
                let lines = lines(plan, Array(own)).map { "\n    " + $0 }.joined(separator: ",")
                return index - 1 == firstWithTensors || lines.isEmpty ? lines : "," + lines
            }
        }
        _ = try FileAccess.writeSealed(pieces: pieces, to: path)
    }

    /// One line for each tensor of a shard.
    private static func lines(
        _ plan: RankSlicePlan, _ units: [(RankSliceUnit, SealedUnit<DigestList>)]
    ) -> [String] {
        struct Slice {
            let region: SliceRegion
            let digest: TensorDigest.Value
            var ranks: [Int]
        }
        var order: [String] = []
        var records: [String: (record: TensorRecord, axis: Int?, slices: [Slice])] = [:]
        for (work, sealed) in units {
            var next = 0
            for (record, planned) in work.ordered() {
                var entry = records[record.name] ?? (record, planned.axis, [])
                if records[record.name] == nil { order.append(record.name) }
                entry.axis = entry.axis ?? planned.axis
                for slice in planned.slices {
                    let digest = sealed.detail.values[next]
                    next += 1
                    if let place = entry.slices.firstIndex(where: { $0.region == slice.region }) {
                        entry.slices[place].ranks += slice.ranks
                    } else {
                        entry.slices.append(
                            Slice(region: slice.region, digest: digest, ranks: slice.ranks))
                    }
                }
                records[record.name] = entry
            }
        }
        return order.compactMap { name in
            guard let (record, axis, slices) = records[name] else { return nil }
            let parts = slices.map { slice -> JSONValue in
                let ranges = slice.region.columns.map { [$0] } ?? slice.region.rows
                return [
                    "ranks": .array(slice.ranks.map { .integer($0) }),
                    "ranges": .array(
                        ranges.map { .array([.integer($0.lowerBound), .integer($0.count)]) }),
                    "xxh3": .string(slice.digest.description),
                ]
            }
            let line: JSONValue = [
                "name": .string(name), "dtype": .string(record.dtype.rawValue),
                "shape": .array(record.shape.dimensions.map { .integer($0) }),
                "axis": axis.map { .integer($0) } ?? .null, "slices": .array(parts),
            ]
            return line.text(.compact)
        }
    }
}
