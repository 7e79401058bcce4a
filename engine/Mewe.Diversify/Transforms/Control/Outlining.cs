using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>Moves an expression, or a statement without a result, into a function of its own; the locals that it reads become the parameters.</summary>
/// <remarks>
/// Known ways to be wrong. 1 and 3: everything in the region is evaluated once, in the same order, at the same time; loads, stores and traps happen as before.
/// What could tell that it runs in another frame is refused: writes of locals, control, calls (whose depth would grow), atomics, relaxed SIMD and references.
/// 7: each local that is read is a parameter. Only numbers are passed and returned.
/// </remarks>
public sealed class Outlining : ISiteTransform
{
    private const int Shortest = 4, Longest = 200, MostParameters = 12, DeepestLoop = 1;

    private const Effects Refused = Effects.Control | Effects.Calls | Effects.WritesLocal | Effects.Atomic | Effects.NonDeterministic | Effects.Allocates
        | Effects.ReadsTable | Effects.WritesTable | Effects.ReadsSegment | Effects.WritesSegment | Effects.ReadsHeap | Effects.WritesHeap;

    public string Name => "outlining";

    public bool Applies(FunctionView view) => true;

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (view.OperandsStart(i) is >= 0 and var start && i - start + 1 is >= Shortest and <= Longest && view.LoopDepth(i) <= DeepestLoop
                && (view.EffectsOf(i).Effects & Refused) == 0 && (view.IsTree(i) ? view.ResultType(i).IsScalar : view.ResultCount(i) == 0)
                && !view[i].OpensBlock && !Statements.IsBorder(view[i]))
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var (start, end) = (view.OperandsStart(site.At), site.At);
        List<uint> read = [];
        var body = new List<Instruction>(end - start + 2);
        for (var i = start; i <= end; i++)
        {
            ref readonly var instruction = ref view[i];
            if (instruction.Opcode != Opcode.LocalGet)
            {
                body.Add(instruction);
                continue;
            }

            var place = read.IndexOf(instruction.Index);
            if (place < 0)
            {
                place = read.Count;
                read.Add(instruction.Index);
            }

            body.Add(Instruction.LocalGet((uint)place));
        }

        if (read.Count > MostParameters || !read.TrueForAll(local => view.LocalType(local).IsScalar) || !context.Spend(end - start))
        {
            return null;
        }

        body.Add(Instruction.Of(Opcode.End));
        var type = new FunctionType([.. read.Select(local => view.LocalType(local))], view.ResultCount(end) == 1 ? [view.ResultType(end)] : []);
        var code = context.Scratch();
        code.AddRange(read.Select(Instruction.LocalGet));
        code.Add(Instruction.Call(context.AddOutlined(type, new FunctionCode([], [.. body]))));
        return new Edit(start, end + 1, code.ToArray());
    }
}
