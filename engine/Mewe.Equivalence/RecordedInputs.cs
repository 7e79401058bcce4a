using System.Collections.Immutable;

namespace Mewe.Equivalence;

/// <summary>What was seen while the user's workload ran: used for about half of the inputs.</summary>
/// <param name="Arguments">By function index: argument tuples at its entry, in the order of the run.</param>
/// <param name="Memory">Contents of memory 0 at some moment of the run; empty when not recorded.</param>
/// <param name="Globals">By global index: values at that moment.</param>
public sealed record RecordedInputs(
    ImmutableDictionary<uint, ImmutableArray<ImmutableArray<ValueBits>>> Arguments, ReadOnlyMemory<byte> Memory, ImmutableDictionary<uint, ValueBits> Globals)
{
    public static RecordedInputs None { get; } =
        new(ImmutableDictionary<uint, ImmutableArray<ImmutableArray<ValueBits>>>.Empty, default, ImmutableDictionary<uint, ValueBits>.Empty);
}
