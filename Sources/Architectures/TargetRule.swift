// A rule of an engine or a device: when it holds, and what follows. Both are closed sets, so that a profile
// cannot say what the program would not act on.

import Documents

/// What follows when a rule holds.
package enum Verdict: Equatable, Sendable {
    /// It will not load.
    case refuse(reason: String, remedy: String)
    /// It loads when these roles stay as they are.
    case keepRoles([TensorRole], reason: String)
    /// It loads, and plain scales are quantised a second time: write powers of two.
    case roundScales(reason: String)
    /// It loads, with a difference worth knowing.
    case warn(reason: String)
}

/// One rule of a profile, with its source.
package struct TargetRule: Equatable, Sendable {
    /// When a rule holds: every condition that is given.
    package struct Condition: Equatable, Sendable {
        /// One of these layouts; nil is any.
        package let layouts: [SchemeLayout]?
        /// One of these scale storages; nil is any.
        package let scales: [ScaleStorage]?
        /// A device of one of these kinds; nil is any.
        package let deviceKinds: [DeviceKind]?
        /// CUDA compute capability times ten, at least; never holds for devices without one.
        package let capabilityFrom: Int?
        /// CUDA compute capability times ten, below; never holds for devices without one.
        package let capabilityBelow: Int?
        /// Only when a quantised matrix does not divide into whole blocks.
        package let partialBlocks: Bool
    }

    /// When it holds.
    package let condition: Condition
    /// What follows.
    package let verdict: Verdict
    /// Where the rule was read or met.
    package let source: String

    /// Whether the rule holds for a scheme on a device.
    ///
    /// A rule that keeps roles holds only when the scheme quantises one of them.
    package func holds(for scheme: SchemeDescription, on device: DeviceProfile) -> Bool {
        if let layouts = condition.layouts, !layouts.contains(scheme.layout) { return false }
        if let scales = condition.scales, !scales.contains(scheme.scales) { return false }
        if let kinds = condition.deviceKinds, !kinds.contains(device.kind) { return false }
        if let from = condition.capabilityFrom, (device.capability ?? Int.min) < from { return false }
        if let below = condition.capabilityBelow, (device.capability ?? Int.max) >= below { return false }
        if condition.partialBlocks, !scheme.hasPartialBlocks { return false }
        if case .keepRoles(let roles, _) = verdict { return roles.contains(where: scheme.roles.contains) }
        return true
    }
}

extension TargetRule {
    private enum VerdictName: String, CaseIterable {
        case refuse
        case keepRoles = "keep-roles"
        case roundScales = "round-scales"
        case warn
    }

    /// Reads the rules of a profile.
    static func list(_ reader: StrictReader, _ key: String) throws(DocumentError) -> [TargetRule] {
        var rules: [TargetRule] = []
        for rule in try reader.objects(key) { rules.append(try TargetRule(rule)) }
        return rules
    }

    private init(_ reader: StrictReader) throws(DocumentError) {
        condition = try Condition(try reader.object("when"))
        let reason = try reader.string("reason")
        switch try reader.choice("verdict", VerdictName.self) {
        case .refuse: verdict = .refuse(reason: reason, remedy: try reader.string("remedy"))
        case .keepRoles: verdict = .keepRoles(try Self.roles(reader), reason: reason)
        case .roundScales: verdict = .roundScales(reason: reason)
        case .warn: verdict = .warn(reason: reason)
        }
        source = try reader.finishWithSource()
    }

    private static func roles(_ reader: StrictReader) throws(DocumentError) -> [TensorRole] {
        var roles: [TensorRole] = []
        for name in try reader.strings("roles") {
            guard let role = TensorRole(name: name), role.isQuantisable else {
                throw reader.mismatch("roles", "names of roles that can be quantised; \"\(name)\" is none")
            }
            roles.append(role)
        }
        return roles
    }
}

extension TargetRule.Condition {
    fileprivate init(_ reader: StrictReader) throws(DocumentError) {
        layouts = reader.has("layouts") ? try reader.choices("layouts", SchemeLayout.self) : nil
        scales = reader.has("scales") ? try reader.choices("scales", ScaleStorage.self) : nil
        deviceKinds = reader.has("device_kinds") ? try reader.choices("device_kinds", DeviceKind.self) : nil
        capabilityFrom = reader.has("capability_from") ? try reader.integer("capability_from") : nil
        capabilityBelow = reader.has("capability_below") ? try reader.integer("capability_below") : nil
        partialBlocks = reader.has("partial_blocks") ? try reader.bool("partial_blocks") : false
        try reader.finish()
    }
}
