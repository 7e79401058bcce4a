using System.Collections.Immutable;

namespace Mewe.Equivalence.Proof;

/// <summary>
/// Part of an input on which, for all that the solver was told, original and variant differ. It was not told everything (what calls return, what wide products are, what happened in
/// earlier rounds of a loop), so this is no more than a suggestion: <see cref="FunctionTester.TryAsync"/> asks the engine, and only what that confirms is a counterexample.
/// </summary>
/// <param name="Arguments">By position; the others can be anything.</param>
/// <param name="Globals">By index in the module; the others can be anything.</param>
/// <param name="Reads">What memory 0 holds at some places.</param>
public sealed record ProposedInput(ImmutableSortedDictionary<int, ValueBits> Arguments, ImmutableSortedDictionary<uint, ValueBits> Globals, ImmutableArray<ProposedRead> Reads);

/// <summary>What memory 0 holds somewhere.</summary>
/// <param name="Argument">The parameter whose value the address is relative to; null for none.</param>
/// <param name="Global">The same for a global.</param>
/// <param name="Offset">What is added to that.</param>
/// <param name="Bytes">1, 2, 4 or 8.</param>
public sealed record ProposedRead(int? Argument, uint? Global, ulong Offset, int Bytes, ulong Value);
