// What can be wrong with the header of a safetensors file: one case for each rule, with the numbers or names
// that disagree. How a case reads to a person is in HeaderError+Finding.swift.

import Documents
import Tensors

/// How much a header may deviate from what careful writers produce.
package enum HeaderMode: Sendable, CaseIterable {
    /// What Ingot reads and publishes: nothing that two readers could take differently.
    case strict
    /// Exactly the files that the reference reader, safetensors 0.8.0, accepts.
    case reference
}

/// A rule that the header of a safetensors file breaks.
///
/// Offsets are bytes from the start of the tensor data unless said otherwise. The first list holds in both
/// modes, the second in `strict` only.
///
/// - Source: safetensors 0.8.0 `SafeTensors::read_metadata` and `Metadata::validate`, in its order of checks.
package enum HeaderError: Error, Equatable, Sendable {
    // MARK: Rules of both modes

    /// The file cannot hold the eight bytes of the header length.
    case fileTooShort(fileSize: Int)
    /// The declared header length is above the format's limit; both in bytes.
    case headerTooLarge(declared: UInt64, limit: Int)
    /// The declared header length, in bytes, reaches past the end of the file.
    case headerPastEnd(declared: UInt64, fileSize: Int)
    case notUTF8
    /// Broken JSON; the offset counts from the start of the header text.
    case notJSON(JSONError)
    /// The header is JSON, but not an object.
    case notObject
    /// A number that a double cannot hold, in a field that nothing reads.
    case numberOutOfRange(offset: Int)
    /// `__metadata__` is not an object of strings; the key is nil when it is not an object at all.
    case metadataNotStrings(key: String?)
    case metadataTwice
    case entryNotObject(tensor: String)
    case fieldMissing(tensor: String, field: String)
    case fieldTwice(tensor: String, field: String)
    case dtypeNotString(tensor: String)
    case dtypeUnknown(tensor: String, found: String)
    /// A shape is not a list of whole numbers from 0 to 2^64 − 1.
    case shapeMalformed(tensor: String)
    /// Offsets are not a pair of whole numbers from 0 to 2^64 − 1.
    case offsetsMalformed(tensor: String)
    /// Bytes between the tensor before and this one belong to none.
    case gap(tensor: String, expected: UInt64, found: UInt64)
    /// The tensor begins before the one before it has ended.
    case overlap(tensor: String, expected: UInt64, found: UInt64)
    case endsBeforeItBegins(tensor: String, begin: UInt64, end: UInt64)
    /// The number of elements, or of bits, does not fit 64 bits.
    case shapeOverflows(tensor: String, dtype: DType, dimensions: [UInt64])
    /// Elements of less than a byte that do not fill whole bytes.
    case partialByte(tensor: String, dtype: DType, shape: Shape)
    /// Bytes by shape and element type, and bytes by the offsets.
    case sizeDiffers(tensor: String, dtype: DType, shape: Shape, expected: UInt64, found: UInt64)
    /// The file ends before the last tensor; both are sizes of the whole file in bytes.
    case truncated(expected: UInt64, found: Int)
    /// The file goes on after the last tensor; both are sizes of the whole file in bytes.
    case trailingBytes(expected: UInt64, found: Int)

    // MARK: Rules of strict mode

    case headerPastHubLimit(declared: UInt64, limit: Int)
    case leadingWhitespace
    case metadataKeyTwice(key: String)
    case entryAsArray(tensor: String)
    case dtypeAsObject(tensor: String)
    case fieldUnknown(tensor: String, field: String)
    /// Two tensors of one name, or of names that differ only in how accents are composed.
    case tensorTwice(tensor: String)
    case nameEmpty
    /// A control or an invisible formatting character in a name.
    case nameInvisible(tensor: String, scalar: UInt32)
    case namePathLike(tensor: String)
    /// Header length and its eight bytes together; not a multiple of 8.
    case headerUnaligned(headerBytes: Int)
    /// The first byte of the tensor, from the start of the data, is not a multiple of its element's width.
    case tensorUnaligned(tensor: String, dtype: DType, begin: UInt64)
    case dimensionTooLarge(tensor: String, dimension: UInt64, limit: UInt64)
}
