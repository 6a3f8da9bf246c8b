// A source that changes while it is read: never a mixture of two states under the output's name.

import Foundation
import TestSupport
import Testing

@Suite(.serialized) struct SourceTests {
    enum Change: String, CaseIterable { case modify, append, truncate, replace, remove }

    private func apply(_ change: Change, _ path: String) throws {
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? UInt64 ?? 0
        switch change {
        case .modify: try flipByte(path, at: size - 2)
        case .append, .truncate:
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
            try file.truncate(atOffset: change == .append ? size + 4096 : size / 4)
            try file.close()
        case .replace:
            try FileManager.default.copyItem(atPath: path, toPath: path + ".new")
            #expect(rename(path + ".new", path) == 0)
        case .remove: try FileManager.default.removeItem(atPath: path)
        }
    }

    /// The shard that is open: most of it is still to be read.
    @Test(arguments: Change.allCases) func theShardBeingRead(_ change: Change) throws {
        let bench = try Workbench(shards: 1, maker: try largeMatrices())
        let run = try bench.frozen { $0.contains { $0.contains(".writing") } }
        try apply(change, bench.source + "/model.safetensors")
        run.send(SIGCONT)
        let end = try run.wait()
        #expect(end.exit == (change == .remove ? 66 : 74), "\(end.errors)")
        #expect(end.errors.contains(change == .remove ? "FILE-001" : "FILE-005"), "\(end.errors)")
        #expect(try names(in: bench.folder.path) == ["source"], "nothing was sealed, nothing is left")
    }

    /// A shard whose turn comes later.
    @Test(arguments: Change.allCases) func aLaterShard(_ change: Change) throws {
        let bench = try Workbench(own: true)
        let run = try bench.frozenAfterSeal()
        try apply(change, bench.source + "/model-00012-of-00012.safetensors")
        run.send(SIGCONT)
        let end = try run.wait()
        #expect(end.exit == (change == .remove ? 66 : 74), "\(end.errors)")
        #expect(end.errors.contains("model-00012-of-00012.safetensors"))
        #expect(!FileManager.default.fileExists(atPath: bench.output))
        guard change == .modify || change == .replace else { return }
        #expect(try bench.run("--resume").exit == 0)
        let resumed = try folderDigest(bench.output)
        try FileManager.default.removeItem(atPath: bench.output)
        #expect(try bench.fresh() == resumed)
    }
}
