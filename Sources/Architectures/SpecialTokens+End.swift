// Where an answer ends: the end ids of both files that name some.

import Diagnostics
import Documents

extension SpecialTokens {
    /// Every id that ends an answer, in the order written: those of generation_config.json, then those that
    /// config.json alone has.
    ///
    /// Engines differ in which file they read; an id that either names is meant to end a turn. What is no id is
    /// left out here: the judgement of the checkpoint says so.
    package static func ends(_ configuration: BailingMoeV2Configuration, _ sidecars: Sidecars) -> [Int] {
        var ids: [Int] = []
        if case .object(let object)? = sidecars.generation {
            var reader = ConfigurationReader(object, file: "generation_config.json")
            ids = read(&reader).end
        }
        return ids + configuration.endTokenIds.filter { !ids.contains($0) }
    }
}
