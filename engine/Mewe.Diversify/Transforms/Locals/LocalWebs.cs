using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Locals;

/// <summary>
/// The webs of one local: its definitions and uses, joined where a definition may reach a use. Two webs have nothing to do with each other and may live in
/// different locals. (Briggs, Cooper, Torczon 1994, "renumber".) Merges are pruned by liveness.
/// </summary>
internal sealed class LocalWebs
{
    private readonly List<int> parents = [];
    private readonly int[] accesses;

    private LocalWebs(int count)
    {
        accesses = new int[count];
        Array.Fill(accesses, -1);
    }

    /// <summary>The web of the value that the local has at entry.</summary>
    public int Entry => Find(0);

    /// <summary>The web of an access of the local in reachable code; -1 for other instructions.</summary>
    public int Of(int index) => accesses[index] < 0 ? -1 : Find(accesses[index]);

    /// <summary>The webs of a local, or null where the body has handlers or the fuel ran out.</summary>
    public static LocalWebs? Of(FunctionView view, uint local, RewriteContext context)
    {
        if (LocalFlow.Of(view, [local], context) is not { } flow || !context.Spend(view.Count))
        {
            return null;
        }

        var webs = new LocalWebs(view.Count);
        webs.Scan(view, local, flow);
        return webs;
    }

    private struct Frame
    {
        /// <summary>The node of the label: behind the block, or a loop's header.</summary>
        public int Label;

        /// <summary>The value at the start of an if; -1 where there is no such edge any more.</summary>
        public int Start;

        public bool Loop, Live;
    }

    private void Scan(FunctionView view, uint local, LocalFlow flow)
    {
        var frames = new Stack<Frame>();
        frames.Push(new Frame { Label = -1 });
        var current = New();
        for (var i = 0; i < view.Count; i++)
        {
            ref readonly var instruction = ref view[i];
            switch (instruction.Opcode)
            {
                case Opcode.Block or Opcode.If:
                    frames.Push(new Frame { Label = New(), Start = instruction.Opcode == Opcode.If ? current : -1, Live = flow.LiveAfter(view.MatchingEnd(i)) != 0 });
                    break;
                case Opcode.Loop:
                    var header = New();
                    var live = flow.LiveAfter(i) != 0;
                    if (live)
                    {
                        Join(header, current);
                        current = current < 0 ? -1 : header;
                    }

                    frames.Push(new Frame { Label = header, Start = -1, Loop = true, Live = live });
                    break;
                case Opcode.Else:
                    var arms = frames.Pop();
                    Reach(arms, current);
                    current = arms.Start;
                    frames.Push(arms with { Start = -1 });
                    break;
                case Opcode.End:
                    var closed = frames.Pop();
                    if (frames.Count > 0 && !closed.Loop)
                    {
                        Reach(closed, current);
                        Reach(closed, closed.Start);
                        current = closed.Label;
                    }
                    else if (frames.Count > 0 && current < 0)
                    {
                        // Validation calls the code behind reachable; nothing gets there.
                        current = New();
                    }

                    break;
                case Opcode.Br or Opcode.BrIf or Opcode.BrOnNull or Opcode.BrOnNonNull or Opcode.BrOnCast or Opcode.BrOnCastFail:
                    Branch(frames, instruction.Index, current);
                    break;
                case Opcode.BrTable:
                    Branch(frames, instruction.Index, current);
                    foreach (var label in instruction.Labels)
                    {
                        Branch(frames, label, current);
                    }

                    break;
                case Opcode.LocalGet when instruction.Index == local && current >= 0 && view.IsReachable(i):
                    accesses[i] = current;
                    break;
                case Opcode.LocalSet or Opcode.LocalTee when instruction.Index == local && current >= 0 && view.IsReachable(i):
                    current = New();
                    accesses[i] = current;
                    break;
            }

            if (instruction.EndsControl)
            {
                current = -1;
            }
        }
    }

    private void Branch(Stack<Frame> frames, uint label, int current)
    {
        foreach (var frame in frames)
        {
            if (label-- == 0)
            {
                Reach(frame, current);
                return;
            }
        }
    }

    private void Reach(in Frame frame, int current)
    {
        if (frame.Live)
        {
            Join(frame.Label, current);
        }
    }

    private int New()
    {
        parents.Add(parents.Count);
        return parents.Count - 1;
    }

    private void Join(int a, int b)
    {
        if (a >= 0 && b >= 0)
        {
            parents[Find(a)] = Find(b);
        }
    }

    private int Find(int node)
    {
        while (parents[node] != node)
        {
            parents[node] = parents[parents[node]];
            node = parents[node];
        }

        return node;
    }
}
