// Draws panels with gnuplot, a program of its own: a script with the numbers in it goes to its standard input, the
// picture comes from its standard output.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "analysis/figures/panel.h"

namespace qreason {

enum class PictureFormat { kSvg, kPdf, kPng };
// By the extension of a file's name; a usage Error names the three.
PictureFormat picture_format(const std::filesystem::path& file);

// Where gnuplot is; an Error that says how to get it where it is not.
std::filesystem::path require_gnuplot();

// The whole script. Names and titles may hold anything: they stand in it as text that is neither marked up nor
// executed. Grids with more cells than a picture shows are drawn as the maxima of neighbouring cells, and say so in
// their title.
std::string gnuplot_script(const FigureData& figure, PictureFormat format);

// The bytes of the picture: an SVG has no date in it, so that the same figure gives the same bytes. Error: what gnuplot
// said.
std::string draw_figure(const FigureData& figure, PictureFormat format);

}  // namespace qreason
