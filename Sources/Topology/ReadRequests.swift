// The reads of a unit in the order in which its worker asks for them, made one at a time.

import Checkpoints

/// Ranges of files: for each piece, row step by row step, the rows of each of its parts.
struct ReadRequests: Sequence, Sendable {
    /// Rows that are read together from one or more places.
    struct Piece: Sendable {
        /// A file, where row 0 starts in it, and bytes of a row.
        let parts: [(file: BulkReader, offset: Int, rowBytes: Int)]
        let rows: Range<Int>
        /// Rows of one read.
        let step: Int
    }

    let pieces: [Piece]

    struct Iterator: IteratorProtocol {
        let pieces: [Piece]
        private var piece = 0
        private var row: Int
        private var part = 0

        init(_ pieces: [Piece]) {
            self.pieces = pieces
            row = pieces.first?.rows.lowerBound ?? 0
        }

        mutating func next() -> ReadAhead.Request? {
            while piece < pieces.count {
                let current = pieces[piece]
                guard row < current.rows.upperBound else {
                    piece += 1
                    row = piece < pieces.count ? pieces[piece].rows.lowerBound : 0
                    continue
                }
                guard part < current.parts.count else {
                    part = 0
                    row = Swift.min(row + current.step, current.rows.upperBound)
                    continue
                }
                let (file, offset, rowBytes) = current.parts[part]
                part += 1
                let end = Swift.min(row + current.step, current.rows.upperBound)
                // An empty tensor has rows of no bytes: nobody asks for them.
                guard rowBytes > 0 else { continue }
                return ReadAhead.Request(file: file, range: offset + row * rowBytes..<offset + end * rowBytes)
            }
            return nil
        }
    }

    func makeIterator() -> Iterator { Iterator(pieces) }
}

/// The row ranges of one piece, as `ReadRequests` makes them.
func rowSteps(_ rows: Range<Int>, _ step: Int) -> [Range<Int>] {
    stride(from: rows.lowerBound, to: rows.upperBound, by: step).map {
        $0..<min($0 + step, rows.upperBound)
    }
}
