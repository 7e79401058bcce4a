using System.Collections.Frozen;
using Mewe.Linking.Randomness;
using Mewe.Wasm;

namespace Mewe.Linking.Dispatch;

/// <summary>
/// Calls that need no dispatcher: a direct call in a body of a diversified function to a function that is bound (<see cref="FunctionDispatch.Bound"/>) names one of the
/// callee's choices. So a choice made at a cold function is carried into the hot ones that it calls, at no cost, and the engine may inline them as it did before.
/// </summary>
/// <remarks>
/// Which choice: in body b (0 the original, n variant n) at the s-th such call, choice (b + offset) mod count, with an offset drawn for (caller, s). Over the bodies of a caller
/// every choice of the callee occurs, evenly, and different call sites are not in step. It follows from the build's constants, so it can be checked by linking again.
/// The targets are the original or checked variants of the function that the body named, so by induction over the calls of an execution nothing changes but the path.
/// </remarks>
internal sealed class BoundCalls
{
    private readonly BuildConstants constants;
    private readonly FrozenDictionary<uint, uint[]> choicesOf;

    /// <param name="choicesOf">For each bound function, by its index in the original module: the indices of its choices in the multivariant module.</param>
    public BoundCalls(BuildConstants constants, IEnumerable<KeyValuePair<uint, uint[]>> choicesOf)
    {
        this.constants = constants;
        this.choicesOf = choicesOf.ToFrozenDictionary();
    }

    public bool IsEmpty => choicesOf.Count == 0;

    /// <summary>Whether an instruction, with indices of the original module, is a call that is bound.</summary>
    public bool Binds(in Instruction instruction) => IsDirectCall(instruction.Opcode) && choicesOf.ContainsKey(instruction.Index);

    /// <summary>The function to call instead, in indices of the multivariant module.</summary>
    /// <param name="callee">In the original module; bound.</param>
    /// <param name="caller">The function, in the original module, in whose body the call stands.</param>
    /// <param name="body">0 for its original, n for variant n.</param>
    /// <param name="site">How many bound calls stand before this one in the body.</param>
    public uint Target(uint callee, uint caller, int body, int site)
    {
        var choices = choicesOf[callee];
        var offset = (uint)(SplitMix64.Mix(constants.Salt(caller) + ((ulong)site * SplitMix64.Gamma)) >> 32);
        return choices[(int)((offset + (ulong)body) % (ulong)choices.Length)];
    }

    public static bool IsDirectCall(Opcode opcode) => opcode is Opcode.Call or Opcode.ReturnCall;
}
