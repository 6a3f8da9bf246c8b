// A target is an engine at a version on a device: what an artefact is made for. Every stage that writes asks
// it first.

import Diagnostics
import Documents

/// An engine on a device, as `vllm-0.11.0/a100-80g`.
///
/// - Checked by: TargetTests.
package struct Target: Equatable, Sendable {
    /// The engine at its version.
    package let engine: EngineProfile
    /// The device it runs on.
    package let device: DeviceProfile

    /// What the user types.
    package var name: String { engine.name + "/" + device.name }

    /// Finds the two profiles of a name.
    ///
    /// - Throws: `TARGET-002` with the nearest known name, `TARGET-001` when a profile cannot be read.
    package init(_ text: String, _ library: ProfileLibrary) throws(Failure) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else {
            throw Failure(
                Finding(
                    .error, .targetUnknown, "a target is an engine and a device", option: "--target \(text)",
                    expected: "ENGINE/DEVICE, such as vllm-0.11.0/a100-80g", found: text,
                    remedy: "ingot profiles list"))
        }
        let engineName = try Self.known(parts[0], "engines", library)
        let deviceName = try Self.known(parts[1], "devices", library)
        engine = try Self.engine(engineName, library)
        device = try Self.device(deviceName, library)
        guard engine.deviceKinds.contains(device.kind) else {
            throw Failure(
                Finding(
                    .error, .targetUnknown, "this engine does not run on this device",
                    option: "--target \(text)",
                    expected: "a device of kind "
                        + engine.deviceKinds.map(\.rawValue).joined(separator: " or "),
                    found: "\(device.title), \(device.kind.rawValue)", remedy: "ingot profiles list"))
        }
    }

    /// Every engine with every device that it runs on, sorted.
    package static func names(_ library: ProfileLibrary) throws(Failure) -> [String] {
        var devices: [DeviceProfile] = []
        for name in library.names(in: "devices") { devices.append(try device(name, library)) }
        var names: [String] = []
        for name in library.names(in: "engines") {
            let kinds = try engine(name, library).deviceKinds
            names += devices.filter { kinds.contains($0.kind) }.map { "\(name)/\($0.name)" }
        }
        return names
    }

    /// One engine profile.
    package static func engine(
        _ name: String, _ library: ProfileLibrary
    ) throws(Failure) -> EngineProfile {
        try readProfile("engines", name, library) { (value) throws(DocumentError) in
            try EngineProfile(name: name, value)
        }
    }

    /// One device profile.
    package static func device(
        _ name: String, _ library: ProfileLibrary
    ) throws(Failure) -> DeviceProfile {
        try readProfile("devices", name, library) { (value) throws(DocumentError) in
            try DeviceProfile(name: name, value)
        }
    }

    /// The newest engine of a family that runs on a device.
    ///
    /// - Throws: `TARGET-002` for a device that no profile has, or that no engine of the family runs on.
    package static func newestEngine(
        family: ParallelFamily, device name: String, _ library: ProfileLibrary
    ) throws(Failure) -> String {
        let device = try device(try known(name, "devices", library), library)
        var found: [String] = []
        for name in library.names(in: "engines") {
            let engine = try engine(name, library)
            if engine.parallelism.family == family, engine.deviceKinds.contains(device.kind) {
                found.append(name)
            }
        }
        // As text 0.9 would stand behind 0.11.
        func version(_ name: String) -> [Int] { name.split { !$0.isNumber }.compactMap { Int($0) } }
        guard let newest = found.max(by: { version($0).lexicographicallyPrecedes(version($1)) }) else {
            throw Failure(
                Finding(
                    .error, .targetUnknown, "no engine of this family runs on this device",
                    option: "--device \(name)", expected: "a device of \(family.rawValue)", found: name,
                    remedy: "ingot profiles list"))
        }
        return newest
    }

    private static func known(
        _ name: String, _ folder: String, _ library: ProfileLibrary
    ) throws(Failure) -> String {
        let names = library.names(in: folder)
        if names.contains(name) { return name }
        throw Failure(
            Finding(
                .error, .targetUnknown, "no profile has this name", option: "--target \(name)",
                expected: "one of \(folder): " + names.joined(separator: ", "), found: name,
                remedy: nearMiss(name, among: names).map { "did you mean \($0)?" } ?? "ingot profiles list"))
    }

    // MARK: Verdicts

    /// What the engine's and the device's rules say about a scheme, the engine's first, each once.
    package func verdicts(_ scheme: SchemeDescription) -> [Verdict] {
        var verdicts: [Verdict] = []
        for rule in engine.rules + device.rules where rule.holds(for: scheme, on: device) {
            if !verdicts.contains(rule.verdict) { verdicts.append(rule.verdict) }
        }
        return verdicts
    }

    /// Whether matrices of a layout must divide into whole blocks.
    package func requiresBlockMultiples(_ layout: SchemeLayout) -> Bool {
        func refuses(_ partial: Bool) -> Bool {
            let scheme = SchemeDescription(
                layout: layout, scales: .f32, roles: Set(TensorRole.allCases.filter(\.isQuantisable)),
                hasPartialBlocks: partial)
            return verdicts(scheme).contains { if case .refuse = $0 { true } else { false } }
        }
        return refuses(true) && !refuses(false)
    }

    /// Roles that must stay as they are for a scheme.
    package func keptRoles(_ scheme: SchemeDescription) -> [TensorRole] {
        verdicts(scheme).flatMap { verdict -> [TensorRole] in
            if case .keepRoles(let roles, _) = verdict { return roles }
            return []
        }
    }

    /// What becomes of stored scales of inputs and of the cache: said of every artefact that has some.
    package func storedScaleFindings(_ scheme: SchemeDescription) -> [Finding] {
        var findings: [Finding] = []
        if scheme.hasInputScales { findings.append(finding(engine.inputScales, "input_scale")) }
        if scheme.hasCacheScales { findings.append(finding(engine.cacheScales, "k_scale and v_scale")) }
        return findings
    }

    private func finding(_ reading: StoredScaleReading, _ scales: String) -> Finding {
        switch reading.value {
        case .read:
            Finding(
                .note, .targetStoredScales, "the target reads \(scales) of this architecture", target: name,
                cause: reading.reason)
        case .ignored:
            Finding(
                .warning, .targetStoredScales, "the target does not read \(scales) of this architecture",
                target: name, cause: reading.reason)
        case .unknown:
            Finding(
                .warning, .targetStoredScales,
                "whether the target reads \(scales) of this architecture is not known", target: name,
                cause: reading.reason)
        case .refused:
            Finding(
                .error, .targetRefuses, "the target refuses \(scales)", target: name,
                expected: "an artefact without them", found: scales,
                remedy: "leave out --kv-scales, or take --scheme fp8-block", cause: reading.reason)
        }
    }

    /// When findings are asked for.
    package enum Occasion: Sendable {
        /// Before writing: the scheme can still be changed to what the target takes.
        case planning
        /// The checkpoint exists: what would be adapted is now an error.
        case judging
    }

    /// The verdicts on a scheme as findings.
    package func findings(_ scheme: SchemeDescription, _ occasion: Occasion) -> [Finding] {
        storedScaleFindings(scheme)
            + verdicts(scheme).map { verdict in
                switch verdict {
                case .refuse(let reason, let remedy):
                    return Finding(
                        .error, .targetRefuses, "the target cannot load this", target: name,
                        expected: "a layout it loads", found: scheme.layout.rawValue, remedy: remedy,
                        cause: reason)
                case .keepRoles(let roles, let reason):
                    let names = roles.map(\.name).joined(separator: ", ")
                    return occasion == .planning
                        ? Finding(
                            .warning, .targetAdapts, "roles stay as they are for this target",
                            target: name, expected: "\(names) not quantised",
                            found: "a scheme that quantises them", cause: reason)
                        : Finding(
                            .error, .targetRefuses, "the target cannot load this", target: name,
                            expected: "\(names) not quantised", found: "quantised",
                            remedy: "quantise again with --target \(name)", cause: reason)
                case .roundScales(let reason):
                    return Finding(
                        .warning, .targetAdapts, "the target changes the weights at load",
                        target: name,
                        expected: "scales that are powers of two", found: "\(scheme.scales.rawValue) scales",
                        remedy: "quantise with power-of-two scales", cause: reason)
                case .warn(let reason):
                    return Finding(
                        .warning, .targetAdapts, "the target runs this with a difference", target: name,
                        cause: reason)
                }
            }
    }

    /// What the target would read differently in a config, apart from its weights.
    package func findings(_ configuration: BailingMoeV2Configuration) -> [Finding] {
        guard let scaling = configuration.ropeScaling else { return [] }
        let factor = YaRN.effectiveFactor(
            scaling, contextLength: configuration.contextLength, generation: engine.ropeGeneration)
        guard factor != scaling.factor else { return [] }
        return [
            Finding(
                .warning, .targetAdapts, "the target ignores the YaRN factor and takes it from the lengths",
                field: "rope_scaling.factor", target: name, expected: "\(scaling.factor)", found: "\(factor)",
                remedy: "set max_position_embeddings to factor × original_max_position_embeddings")
        ]
    }
}
