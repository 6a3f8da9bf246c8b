// The first thing every command does: open a folder, read its config, derive the inventory.

import Architectures
import Checkpoints
import Diagnostics
import Documents

/// A checkpoint with its inventory and everything there was to say on the way.
struct OpenedCheckpoint {
    let checkpoint: Checkpoint
    let inventory: TensorInventory
    let findings: [Finding]

    /// Opens a folder whose config must be readable.
    ///
    /// - Parameter forConversion: also judge headers against the inventory, and stop at errors: a conversion
    ///   never starts from a checkpoint that is not whole.
    init(_ folder: String, forConversion: Bool = false) throws(Failure) {
        checkpoint = try Checkpoint.open(folder)
        let reading = BailingMoeV2Configuration.read(try Self.config(folder))
        guard let configuration = reading.configuration else { throw Failure(reading.findings) }
        inventory = TensorInventory(configuration)
        var findings = checkpoint.findings + reading.findings
        if forConversion {
            findings += CheckpointJudge.headers(checkpoint, inventory: inventory)
            try findings.throwErrors()
        }
        self.findings = findings
    }

    /// config.json of a folder.
    static func config(_ folder: String) throws(Failure) -> JSONValue {
        let path = joined(folder, "config.json")
        let bytes = try FileAccess.read(path, limit: 16 << 20)
        do throws(JSONError) { return try JSONValue(parsing: bytes) } catch {
            throw Failure(Finding(error, code: .configMalformed, file: "config.json"))
        }
    }
}
