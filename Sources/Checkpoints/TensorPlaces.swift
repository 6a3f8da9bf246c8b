// The tensor → place map of a checkpoint, eight bytes a place.

/// Where each tensor of a checkpoint is.
struct TensorPlaces: Sendable {
    /// A record of a shard.
    struct Place: Equatable, Sendable {
        private let packed: UInt64

        init(shard: Int, record: Int) {
            packed = UInt64(truncatingIfNeeded: shard) << 32 | UInt64(UInt32(truncatingIfNeeded: record))
        }

        var shard: Int { Int(packed >> 32) }
        var record: Int { Int(packed & 0xFFFF_FFFF) }
    }

    private var places: [String: Place]

    init(capacity: Int) {
        places = [:]
        places.reserveCapacity(capacity)
    }

    subscript(name: String) -> Place? { places[name] }

    /// Adds a tensor; gives the earlier place, which is kept, when the name has one.
    mutating func add(_ name: String, _ place: Place) -> Place? {
        if let earlier = places[name] { return earlier }
        places[name] = place
        return nil
    }
}
