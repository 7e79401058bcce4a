using System.Collections.Frozen;
using System.Collections.Immutable;
using Mewe.Linking.Randomness;
using Mewe.Wasm;

namespace Mewe.Linking.Dispatch;

/// <summary>
/// Which calls are inlined, and with which body (<see cref="FunctionVariants.Inlines"/>). An engine inlines the hot calls of the original; it cannot inline a dispatcher of sixteen, and where a
/// function of five instructions is called a hundred thousand times in a request, its call, its choice and a jump that nobody can foresee take many times what it does. So its callers' bodies hold
/// one of its bodies each: which path is taken through it follows from the choice that was made for the caller, as for bound calls (<see cref="BoundCalls"/>).
/// </summary>
/// <remarks>
/// Body b of a caller has at its s-th such call the choice number (b + offset) mod count of those that can be inlined, the shortest ones, with an offset drawn for (caller, s). A body takes the place of a call by the
/// rules of the specification for calls and blocks (4.4.8, 4.4.10): its parameters are popped into locals of their own, last first; its other locals are set to zero, for the place may be
/// reached again; it becomes a block of the function's result type, so a branch to its outermost label leaves it as it did, and a return becomes such a branch.
/// </remarks>
internal sealed class InlinedCalls
{
    /// <summary>Bodies that take turns, the shortest of the callee's: they are copied into every body of every caller.</summary>
    public const int MostBodies = 2;

    private readonly BuildConstants constants;
    private readonly FrozenDictionary<uint, ImmutableArray<int>> choicesOf;

    /// <param name="bodiesOf">For each function that may be inlined, by its index in the original module: its type, and the bodies of its choices.</param>
    public InlinedCalls(BuildConstants constants, IEnumerable<(uint Function, FunctionType Type, IEnumerable<FunctionCode> Bodies)> bodiesOf)
    {
        this.constants = constants;
        choicesOf = bodiesOf.Where(function => InlinedBodies.Fits(function.Type))
            .Select(function => KeyValuePair.Create(function.Function, function.Bodies.Index().Where(body => CanStandInACaller(body.Item))
                .OrderBy(body => body.Item.Instructions.Length).ThenBy(body => body.Index).Take(MostBodies).Select(body => body.Index).ToImmutableArray()))
            .Where(function => !function.Value.IsEmpty).ToFrozenDictionary();
    }

    public bool IsEmpty => choicesOf.Count == 0;

    /// <summary>The choice that stands in a call's place; null where none can.</summary>
    /// <param name="callee">In the original module.</param>
    /// <param name="caller">The function, in the original module, in whose body the call stands.</param>
    /// <param name="body">0 for its original, n for variant n.</param>
    /// <param name="site">How many inlined calls stand before this one in the body.</param>
    public int? Choice(uint callee, uint caller, int body, int site)
    {
        if (!choicesOf.TryGetValue(callee, out var choices))
        {
            return null;
        }

        var offset = (uint)(SplitMix64.Mix(constants.Salt(caller) ^ ((ulong)(site + 1) * SplitMix64.Gamma)) >> 32);
        return choices[(int)((offset + (ulong)body) % (ulong)choices.Length)];
    }

    /// <summary>A tail call would have to leave the caller, too, and the labels of legacy exception handling are not counted like others.</summary>
    private static bool CanStandInACaller(FunctionCode body) => !body.Instructions.Any(static instruction => instruction.Opcode is Opcode.ReturnCall or Opcode.ReturnCallIndirect or Opcode.ReturnCallRef or Opcode.Try or Opcode.Delegate or Opcode.Rethrow);
}
