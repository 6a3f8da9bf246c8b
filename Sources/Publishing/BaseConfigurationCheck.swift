// Whether a release's config describes the function that its base has: weights that are followed to a base prove
// little beside a config that reads them otherwise.

import Architectures
import Checkpoints
import Diagnostics
import Documents

/// The comparison of a release's config with the base model's.
struct BaseConfigurationCheck {
    let configuration: BailingMoeV2Configuration
    /// The folder of the base model.
    let base: String

    func findings() throws(Failure) -> [Finding] {
        let path = joined(base, "config.json")
        guard FileAccess.kind(path) == .file else { return [] }
        let bytes = try FileAccess.read(path, limit: 1 << 24)
        let document = try readDocument(bytes, code: .configMalformed, file: path) {
            (value) throws(DocumentError) in value
        }
        let reading = BailingMoeV2Configuration.read(document, file: path)
        guard let expected = reading.configuration else { return reading.findings }
        return zip(expected.functionFields, configuration.functionFields).filter { $0 != $1 }.map {
            base, own in
            // Longer contexts are a choice that releases make; everything else is another model.
            Finding(
                base.key == "rope_scaling" ? .warning : .error, .configOfBaseDiffers,
                "the config describes another function than the base model's: \(base.effect)",
                file: "config.json", field: base.key, expected: base.value, found: own.value,
                remedy: "take the base model's value")
        }
    }
}
