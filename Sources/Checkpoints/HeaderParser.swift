// The text of a safetensors header, read in one pass without a tree of values. It takes what the reference
// reader takes and notes on the way the first thing that only strict mode refuses: so what strict mode accepts
// is always a part of what the reference accepts.

import Documents
import Tensors

/// One entry of a header as it stands, before its place is checked.
struct HeaderEntry {
    var name: String
    var dtype: DType
    var shape: Shape
    /// Product of the dimensions; nil when it passes 64 bits on the way, as the reference multiplies.
    var elements: UInt64?
    /// Bytes from the start of the tensor data.
    var begin: UInt64
    var end: UInt64
}

/// Reads the entries and the metadata of a header.
///
/// - Source: safetensors 0.8.0 `HashMetadata` and `TensorInfo` as serde reads them: the last of two entries
///   of one name wins, an entry may be a list, an element type an object `{"F32": null}`.
///
/// Not copyable: a copy made by accident at each tensor took a third of the time.
struct HeaderParser: ~Copyable {
    private(set) var entries: [HeaderEntry] = []
    private(set) var metadata: [ShardHeader.Pair] = []
    /// The first thing that strict mode refuses.
    private(set) var objection: HeaderError?
    /// The dimensions of entries, by index, that do not fit Int; their `shape` is clamped.
    private(set) var wideShapes: [Int: [UInt64]] = [:]

    private let text: UnsafeRawBufferPointer
    private var cursor: HeaderCursor
    private var names: NameTable
    /// Names that are not plain, compared as Swift compares strings.
    private var composedNames: Set<String> = []
    private var shapes = ShapePool()
    private var dimensions: [UInt64] = []
    private var metadataRead = false

    init(_ text: UnsafeRawBufferPointer) {
        self.text = text
        cursor = HeaderCursor(text)
        // The shortest entry that strict mode takes has 46 bytes; entries of real models have about 130.
        names = NameTable(capacity: text.count / 128)
        entries.reserveCapacity(text.count / 128)
    }

    mutating func parse() throws(HeaderError) {
        guard isUTF8(text) else { throw .notUTF8 }
        if let lead = cursor.peek(), lead != UInt8(ascii: "{") {
            try cursor.skip()
            throw .notObject
        }
        if let first = text.first, first != UInt8(ascii: "{") { object(.leadingWhitespace) }
        try cursor.enter(UInt8(ascii: "{"))
        var first = true
        while try cursor.next(UInt8(ascii: "}"), &first) {
            let key = try cursor.span()
            try cursor.colon()
            if cursor.matches(key, "__metadata__") {
                try readMetadata()
            } else {
                try readEntry(named: cursor.string(key))
            }
        }
        try cursor.finish()
    }

    /// Notes what strict mode will refuse, if nothing was noted before.
    private mutating func object(_ error: @autoclosure () -> HeaderError) {
        if objection == nil { objection = error() }
    }

    // MARK: Metadata

    private mutating func readMetadata() throws(HeaderError) {
        if metadataRead { throw .metadataTwice }
        metadataRead = true
        if cursor.peek() == UInt8(ascii: "n") { return try cursor.null() }
        guard cursor.peek() == UInt8(ascii: "{") else {
            try cursor.skip()
            throw .metadataNotStrings(key: nil)
        }
        var places: [ExactName: Int] = [:]
        try cursor.enter(UInt8(ascii: "{"))
        var first = true
        while try cursor.next(UInt8(ascii: "}"), &first) {
            let key = try cursor.string()
            try cursor.colon()
            guard cursor.peek() == UInt8(ascii: "\"") else {
                try cursor.skip()
                throw .metadataNotStrings(key: key)
            }
            let pair = ShardHeader.Pair(key: key, value: try cursor.string())
            if let place = places.updateValue(metadata.count, forKey: ExactName(key)) {
                object(.metadataKeyTwice(key: key))
                places[ExactName(key)] = place
                metadata[place] = pair
            } else {
                metadata.append(pair)
            }
        }
    }

    // MARK: Entries

    private mutating func readEntry(named name: String) throws(HeaderError) {
        var draft = Draft()
        switch cursor.peek() {
        case UInt8(ascii: "{"): try readFields(name, &draft)
        case UInt8(ascii: "["):
            object(.entryAsArray(tensor: name))
            try readList(name, &draft)
        default:
            try cursor.skip()
            throw .entryNotObject(tensor: name)
        }
        guard let dtype = draft.dtype else { throw .fieldMissing(tensor: name, field: "dtype") }
        guard let shape = draft.shape else { throw .fieldMissing(tensor: name, field: "shape") }
        guard let (begin, end) = draft.offsets else {
            throw .fieldMissing(tensor: name, field: "data_offsets")
        }
        let isPlain = HeaderNames.isPlain(name)
        if objection == nil { objection = HeaderNames.objection(to: name, isPlain: isPlain) }
        if draft.isPastInt {
            object(
                .shapeOverflows(
                    tensor: name, dtype: dtype,
                    dimensions: draft.wide ?? shape.dimensions.map { UInt64($0) }))
        }
        let place = add(name, isPlain: isPlain)
        let entry = HeaderEntry(
            name: name, dtype: dtype, shape: shape, elements: draft.elements, begin: begin, end: end)
        if place == entries.count { entries.append(entry) } else { entries[place] = entry }
        if draft.wide != nil || !wideShapes.isEmpty { wideShapes[place] = draft.wide }
    }

    /// The place for a name's entry: that of the entry it replaces, or the next.
    private mutating func add(_ name: String, isPlain: Bool) -> Int {
        if let earlier = names.place(of: name, named: { entries[$0].name }) {
            object(.tensorTwice(tensor: name))
            return earlier
        }
        // Names that Swift takes as equal would hide one another in every lookup after this one.
        if !isPlain, !composedNames.insert(name).inserted { object(.tensorTwice(tensor: name)) }
        return entries.count
    }

    /// The fields of one entry as they are read.
    private struct Draft {
        var dtype: DType?
        var shape: Shape?
        var elements: UInt64?
        var wide: [UInt64]?
        /// Whether the product of the dimensions passes Int on the way, though a zero may end it.
        var isPastInt = false
        var offsets: (UInt64, UInt64)?
    }

    private mutating func readFields(_ name: String, _ draft: inout Draft) throws(HeaderError) {
        try cursor.enter(UInt8(ascii: "{"))
        var first = true
        while try cursor.next(UInt8(ascii: "}"), &first) {
            let field = try cursor.span()
            try cursor.colon()
            if cursor.matches(field, "dtype") {
                if draft.dtype != nil { throw .fieldTwice(tensor: name, field: "dtype") }
                draft.dtype = try readDType(name)
            } else if cursor.matches(field, "shape") {
                if draft.shape != nil { throw .fieldTwice(tensor: name, field: "shape") }
                try readShape(name, &draft)
            } else if cursor.matches(field, "data_offsets") {
                if draft.offsets != nil { throw .fieldTwice(tensor: name, field: "data_offsets") }
                draft.offsets = try readOffsets(name)
            } else {
                let unknown = cursor.string(field)
                object(.fieldUnknown(tensor: name, field: unknown))
                try cursor.skip()
            }
        }
    }

    /// An entry as a list of its three values; fewer leave a field missing, more are refused.
    private mutating func readList(_ name: String, _ draft: inout Draft) throws(HeaderError) {
        try cursor.enter(UInt8(ascii: "["))
        var first = true
        var count = 0
        while try cursor.next(UInt8(ascii: "]"), &first) {
            switch count {
            case 0: draft.dtype = try readDType(name)
            case 1: try readShape(name, &draft)
            case 2: draft.offsets = try readOffsets(name)
            default: throw .entryNotObject(tensor: name)
            }
            count += 1
        }
    }

    private mutating func readDType(_ name: String) throws(HeaderError) -> DType {
        switch cursor.peek() {
        case UInt8(ascii: "\""):
            let span = try cursor.span()
            return try dtype(span, name)
        case UInt8(ascii: "{"):
            object(.dtypeAsObject(tensor: name))
            try cursor.enter(UInt8(ascii: "{"))
            var first = true
            var found: DType?
            while try cursor.next(UInt8(ascii: "}"), &first) {
                if found != nil { throw .dtypeNotString(tensor: name) }
                let span = try cursor.span()
                found = try dtype(span, name)
                try cursor.colon()
                guard cursor.peek() == UInt8(ascii: "n") else {
                    try cursor.skip()
                    throw .dtypeNotString(tensor: name)
                }
                try cursor.null()
            }
            guard let found else { throw .dtypeNotString(tensor: name) }
            return found
        default:
            try cursor.skip()
            throw .dtypeNotString(tensor: name)
        }
    }

    private func dtype(_ span: HeaderCursor.Span, _ name: String) throws(HeaderError) -> DType {
        // The most frequent first: the rest goes through a string.
        if cursor.matches(span, "BF16") { return .bf16 }
        if cursor.matches(span, "F8_E4M3") { return .e4m3 }
        if cursor.matches(span, "F32") { return .f32 }
        let text = cursor.string(span)
        guard let dtype = DType(rawValue: text), text.utf8.elementsEqual(dtype.rawValue.utf8) else {
            throw .dtypeUnknown(tensor: name, found: text)
        }
        return dtype
    }

    private mutating func readShape(_ name: String, _ draft: inout Draft) throws(HeaderError) {
        guard cursor.peek() == UInt8(ascii: "[") else {
            try cursor.skip()
            throw .shapeMalformed(tensor: name)
        }
        dimensions.removeAll(keepingCapacity: true)
        var elements: UInt64? = 1
        var isWide = false
        try cursor.enter(UInt8(ascii: "["))
        var first = true
        while try cursor.next(UInt8(ascii: "]"), &first) {
            guard let dimension = try unsigned() else { throw .shapeMalformed(tensor: name) }
            dimensions.append(dimension)
            if dimension > ShardHeader.dimensionLimit {
                object(
                    .dimensionTooLarge(tensor: name, dimension: dimension, limit: ShardHeader.dimensionLimit))
                isWide = isWide || dimension > UInt64(Int.max)
            }
            if let product = elements?.multipliedReportingOverflow(by: dimension) {
                elements = product.overflow ? nil : product.partialValue
                draft.isPastInt = draft.isPastInt || product.overflow || product.partialValue > Int.max
            }
        }
        draft.shape = shapes.shape(dimensions)
        draft.elements = elements
        draft.wide = isWide ? dimensions : nil
    }

    private mutating func readOffsets(_ name: String) throws(HeaderError) -> (UInt64, UInt64) {
        guard cursor.peek() == UInt8(ascii: "[") else {
            try cursor.skip()
            throw .offsetsMalformed(tensor: name)
        }
        try cursor.enter(UInt8(ascii: "["))
        var first = true
        guard try cursor.next(UInt8(ascii: "]"), &first), let begin = try unsigned(),
            try cursor.next(UInt8(ascii: "]"), &first), let end = try unsigned()
        else { throw .offsetsMalformed(tensor: name) }
        if try cursor.next(UInt8(ascii: "]"), &first) { throw .offsetsMalformed(tensor: name) }
        return (begin, end)
    }

    /// A whole number that fits 64 bits; nil, past the value, when a value of another kind stands here.
    private mutating func unsigned() throws(HeaderError) -> UInt64? {
        if let lead = cursor.peek(), lead == UInt8(ascii: "-") || lead &- 0x30 < 10 {
            return try cursor.unsigned()
        }
        try cursor.skip()
        return nil
    }
}
