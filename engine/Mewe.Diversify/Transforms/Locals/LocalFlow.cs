using Mewe.Diversify.Transforms.Control;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Locals;

/// <summary>
/// Liveness of up to 64 locals at once, by backward passes over the structured code: a forward label's state is known when its branches are met; a loop header's is
/// not, so passes repeat until no header changes. Bodies with try blocks are not analysed, since any call in them can lead to a handler.
/// </summary>
internal sealed class LocalFlow
{
    private readonly FunctionView view;
    private readonly ulong[] after;
    private readonly ulong[] headers;
    private readonly sbyte[] bits;

    private LocalFlow(FunctionView view, ReadOnlySpan<uint> locals)
    {
        this.view = view;
        after = new ulong[view.Count];
        headers = new ulong[view.Count];
        bits = new sbyte[view.LocalCount];
        Array.Fill(bits, (sbyte)-1);
        for (var k = 0; k < locals.Length; k++)
        {
            bits[locals[k]] = (sbyte)k;
        }
    }

    /// <summary>Bit k is set where the value that the k-th local has at entry may be read.</summary>
    public ulong AtEntry { get; private set; }

    /// <summary>Bit k is set where the k-th local may be read behind an instruction before it is written; meaningless in unreachable code.</summary>
    public ulong LiveAfter(int index) => after[index];

    /// <summary>The analysis for these locals; null where the body has try blocks or the fuel ran out.</summary>
    /// <param name="locals">At most 64, each once.</param>
    public static LocalFlow? Of(FunctionView view, ReadOnlySpan<uint> locals, RewriteContext context)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(locals.Length, 64, nameof(locals));
        if (HasHandlers(view))
        {
            return null;
        }

        var flow = new LocalFlow(view, locals);
        do
        {
            if (!context.Spend(view.Count))
            {
                return null;
            }
        }
        while (flow.Pass());
        return flow;
    }

    /// <summary>True where a body has try or try_table.</summary>
    public static bool HasHandlers(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (view[i].Opcode is Opcode.Try or Opcode.TryTable)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>One pass from the end to the start; true where a loop header grew.</summary>
    private bool Pass()
    {
        // Each open block: what is live at its label, behind it, and at the start of its else arm.
        var frames = new Stack<(int Opener, ulong Label, ulong Behind, ulong Else)>();
        ulong live = 0;
        var grew = false;
        for (var i = view.Count - 1; i >= 0; i--)
        {
            after[i] = live;
            ref readonly var instruction = ref view[i];
            switch (instruction.Opcode)
            {
                case Opcode.End:
                    var opener = view.Opener(i);
                    frames.Push((opener, opener >= 0 && view[opener].Opcode == Opcode.Loop ? headers[opener] : live, live, live));
                    break;
                case Opcode.Else:
                    var arms = frames.Pop();
                    frames.Push(arms with { Else = live });
                    live = arms.Behind;
                    break;
                case Opcode.If:
                    live |= frames.Pop().Else;
                    break;
                case Opcode.Block:
                    frames.Pop();
                    break;
                case Opcode.Loop:
                    frames.Pop();
                    grew |= (live & ~headers[i]) != 0;
                    headers[i] |= live;
                    break;
                case Opcode.Br:
                    live = LabelOf(frames, instruction.Index);
                    break;
                case Opcode.BrIf or Opcode.BrOnNull or Opcode.BrOnNonNull or Opcode.BrOnCast or Opcode.BrOnCastFail:
                    live |= LabelOf(frames, instruction.Index);
                    break;
                case Opcode.BrTable:
                    live = LabelOf(frames, instruction.Index);
                    foreach (var label in instruction.Labels)
                    {
                        live |= LabelOf(frames, label);
                    }

                    break;
                case Opcode.LocalGet when bits[instruction.Index] >= 0:
                    live |= 1UL << bits[instruction.Index];
                    break;
                case Opcode.LocalSet or Opcode.LocalTee when bits[instruction.Index] >= 0:
                    live &= ~(1UL << bits[instruction.Index]);
                    break;
                default:
                    live = instruction.EndsControl ? 0 : live;
                    break;
            }
        }

        AtEntry = live;
        return grew;
    }

    private static ulong LabelOf(Stack<(int Opener, ulong Label, ulong Behind, ulong Else)> frames, uint label)
    {
        foreach (var frame in frames)
        {
            if (label-- == 0)
            {
                return frame.Label;
            }
        }

        return 0;
    }
}
