// A card and what its checks compare it with: of a folder that is there, or of a release that is only planned, so that a
// plan can say what the check of its release would say.

import Checkpoints
import Diagnostics

/// A card with what it stands beside.
struct CardSubject {
    /// Nil when its head is missing or cannot be read.
    let card: FrontMatter?
    /// The Markdown below the head; all of it without one.
    let body: String
    /// Whether the weights are.
    let isQuantised: Bool
    /// Paths of the folder.
    let paths: Set<String>
    /// Licence texts, by the name of their file.
    let licences: [(name: String, text: String)]
    /// What the base model's card names.
    let baseLicence: String?

    /// Names under which hubs look for a licence.
    static let licenceNames = ["LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE"]
}

extension Release {
    /// Nil for a folder without a card.
    var cardSubject: CardSubject? {
        guard let text = listing.text(Self.cardName) else { return nil }
        return CardSubject(
            card: card, body: card?.body ?? text, isQuantised: isQuantised,
            paths: Set(listing.entries.map(\.path)),
            licences: CardSubject.licenceNames.compactMap { name in listing.text(name).map { (name, $0) } },
            baseLicence: base?.licence)
    }

    /// Why the card's head cannot be read.
    var cardFindings: [Finding] {
        guard listing.has(Self.cardName), let fault = cardFault else { return [] }
        return [
            fault.isMissing
                ? Finding(
                    .error, .frontMatterMissing,
                    "the card has no front matter, so the hubs know nothing of it",
                    file: Self.cardName, expected: "YAML between two lines of ---", found: fault.message,
                    remedy: "ingot publish prepare writes it")
                : Finding(
                    .error, .frontMatterMalformed, "the front matter cannot be read", file: Self.cardName,
                    expected: "a YAML mapping, every key once", found: fault.message)
        ]
    }
}

extension ReleasePlan {
    /// What `publish check` would say of the card that this plan writes.
    package func cardFindings() throws(Failure) -> [Finding] {
        let text = try CardBuilder(self).text()
        let card = try? FrontMatter(text)
        var licences: [(name: String, text: String)] = []
        for file in carried where CardSubject.licenceNames.contains(file.name) {
            let bytes = try FileAccess.read(file.path, limit: 1 << 24)
            licences.append((file.name, String(decoding: bytes, as: UTF8.self)))
        }
        let subject = CardSubject(
            card: card, body: card?.body ?? text, isQuantised: isQuantised, paths: paths, licences: licences,
            baseLicence: base.licence)
        var hubs: [(hub: Hub, profile: HubProfile)] = []
        for hub in request.hubs { hubs.append((hub, try HubProfile.read(hub))) }
        let head = card.map { FrontMatterCheck(card: $0, isQuantised: isQuantised, hubs: hubs).findings() }
        return (head ?? []) + CardCheck(subject: subject, profile: try CardProfile.read()).findings()
    }

    /// What a card may point to.
    private var paths: Set<String> {
        let builder = CardBuilder(self)
        return Set(
            reshard.shards.map(\.name) + carried.map(\.name)
                + request.languages.flatMap { builder.charts($0).map(\.path) } + [
                    "config.json", Release.cardName, ReleaseManifest.fileName, ReleaseSums.fileName,
                ] + (record == nil ? [] : [QuantisationSummary.fileName])
                + (reshard.shards.count > 1 ? [CheckpointIndex.fileName] : [])
                + (request.writesBOM ? [BillOfMaterials.fileName] : [])
                + (key == nil ? [] : [ModelSignature.fileName]))
    }
}
