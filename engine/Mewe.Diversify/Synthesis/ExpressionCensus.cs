using System.Collections.Immutable;
using Mewe.Diversify.Terms;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Synthesis;

/// <summary>An expression that occurs in a module.</summary>
/// <param name="Text">In rule syntax; equal expressions have equal texts.</param>
/// <param name="Width">32 or 64: the type of all its parts.</param>
/// <param name="Variables">How many different ones, numbered in order of first occurrence.</param>
/// <param name="Occurrences">Places in the module.</param>
public sealed record CountedExpression(string Text, Term Term, int Width, int Variables, int Occurrences);

/// <summary>
/// Counts the integer expressions of a module: windows of a few instructions of one type, variables renamed by first occurrence and operands of commutative instructions in a canonical order.
/// </summary>
public static class ExpressionCensus
{
    private const int MaxVariables = 3;

    /// <summary>All expressions with two to three instructions, the most frequent first, ties in order of their text.</summary>
    /// <param name="minOperations">Fewest instructions of an expression.</param>
    /// <param name="maxOperations">Most instructions of an expression.</param>
    /// <param name="includes">The functions to look at, by index; null for all.</param>
    public static ImmutableArray<CountedExpression> Of(ModuleFacts module, int minOperations = 2, int maxOperations = 3, Func<uint, bool>? includes = null)
    {
        var counts = new Dictionary<string, CountedExpression>(StringComparer.Ordinal);
        bool[][] known = [KnownOf(32), KnownOf(64)];
        for (var i = 0; i < module.Module.Bodies.Count; i++)
        {
            var function = (uint)(module.ImportedFunctionCount + i);
            if (includes?.Invoke(function) == false)
            {
                continue;
            }

            FunctionView view;
            try
            {
                view = FunctionView.Of(FunctionInput.Of(module, function));
            }
            catch (WasmException)
            {
                // A body that cannot be decoded is diversified by nobody either.
                continue;
            }

            for (var at = 0; view.Unsupported is null && at < view.Count; at++)
            {
                var width = known[0][(int)view[at].Opcode] ? 32 : 64;
                for (var operations = minOperations; operations <= maxOperations; operations++)
                {
                    var window = new ExpressionWindow(operations, maxDepth: operations);
                    if (window.TryRead(view, at, known[width == 32 ? 0 : 1]) && window.Operations == operations)
                    {
                        Count(window, width, counts);
                    }
                }
            }
        }

        return [.. counts.Values.OrderByDescending(item => item.Occurrences).ThenBy(item => item.Text, StringComparer.Ordinal)];
    }

    private static bool[] KnownOf(int width)
    {
        var known = new bool[OpcodeTable.Size];
        foreach (var opcode in IntegerOperation.Unary(width))
        {
            known[(int)opcode] = true;
        }

        foreach (var opcode in IntegerOperation.Binary(width))
        {
            known[(int)opcode] = true;
        }

        return known;
    }

    private static void Count(ExpressionWindow window, int width, Dictionary<string, CountedExpression> counts)
    {
        var numbers = new Dictionary<int, int>();
        var term = Renumber(Canonical(window, window.Nodes.Count - 1).Term, numbers);
        if (numbers.Count is 0 or > MaxVariables)
        {
            return;
        }

        var text = RuleText.Of(term);
        counts[text] = counts.TryGetValue(text, out var earlier)
            ? earlier with { Occurrences = earlier.Occurrences + 1 }
            : new CountedExpression(text, term, width, numbers.Count, 1);
    }

    /// <summary>The term of a window's node, operands of commutative instructions ordered by their shape: constants last, deeper terms first.</summary>
    private static (Term Term, string Shape) Canonical(ExpressionWindow window, int at)
    {
        var node = window.Nodes[at];
        switch (node.Opcode)
        {
            case Opcode.LocalGet:
                return (Term.Variable((int)node.Bits), "v");
            case Opcode.I32Const or Opcode.I64Const:
                return (Term.Constant(node.Type, node.Bits), $"~{node.Bits}");
        }

        var name = OpcodeTable.Get(node.Opcode).Name;
        var a = Canonical(window, node.A);
        if (node.B < 0)
        {
            return (Term.Of(node.Opcode, a.Term), $"({name} {a.Shape})");
        }

        var b = Canonical(window, node.B);
        if (IntegerOperation.IsCommutative(node.Opcode) && string.CompareOrdinal(b.Shape, a.Shape) < 0)
        {
            (a, b) = (b, a);
        }

        return (Term.Of(node.Opcode, a.Term, b.Term), $"({name} {a.Shape} {b.Shape})");
    }

    private static Term Renumber(Term term, Dictionary<int, int> numbers)
    {
        if (term.IsVariable)
        {
            if (!numbers.TryGetValue(term.VariableIndex, out var number))
            {
                numbers.Add(term.VariableIndex, number = numbers.Count);
            }

            return Term.Variable(number);
        }

        return term.Children.Length == 0 ? term : Term.Of(term.Instruction, [.. term.Children.Select(child => Renumber(child, numbers))]);
    }
}
