// What a release is asked to be: for which hubs, from which base, with which inputs for its card.

import Checkpoints
import Diagnostics

/// The wishes of a publisher.
package struct ReleaseRequest: Sendable {
    package var checkpoint: String
    package var hubs: [Hub]
    /// OWNER/NAME under which it will stand; nil leaves REPOSITORY in commands.
    package var repository: String?
    package var title: String?
    /// The folder of the base model.
    package var base: String?
    /// OWNER/NAME of the base model.
    package var baseModel: String
    package var baseRevision: String?
    /// The identifier; nil takes the base's.
    package var licence: String?
    package var licenceName: String?
    package var licenceLink: String?
    /// A licence text to put in the folder.
    package var licenceFile: String?
    package var languages: [CardLanguage]
    /// ISO 639 codes of what the model speaks.
    package var modelLanguages: [String]
    package var tags: [String]
    package var isMedical: Bool
    package var parity: String?
    package var topology: String?
    package var draft: String?
    /// A template in place of the program's own, by language.
    package var template: String?
    package var targets: [String]
    /// OWNER/NAME of a benchmark and its task, for accuracy in `.eval_results`.
    package var benchmark: (dataset: String, task: String)?
    /// More files of the checkpoint to carry along.
    package var include: [String]
    /// Bytes of tensor data in a shard.
    package var shardBytes: Int
    package var key: String?
    package var writesBOM: Bool

    package init(checkpoint: String, hubs: [Hub], baseModel: String) {
        self.checkpoint = checkpoint
        self.hubs = hubs
        self.baseModel = baseModel
        languages = [.english]
        modelLanguages = ["en", "zh"]
        tags = []
        isMedical = false
        targets = []
        include = []
        shardBytes = 5_000_000_000
        writesBOM = false
    }

    /// The name that users load the release by.
    package var name: String { repository ?? lastComponent(checkpoint) }
}
